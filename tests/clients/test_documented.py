"""The back ends that the documents show, run as they are written."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pytest_mock import MockerFixture

from adapters.system.clock import SystemClock
from tests.support.processes import free_port
from tests.support.product import Product, SignedIn, running_product, serving
from tests.support.service_clients import ec_key, pem_of, register

ROOT = Path(__file__).parents[2]
EXAMPLE = re.compile(r"<!-- example: (\w+) -->\n```python\n(.*?)```", re.DOTALL)
EXAMPLES = dict(EXAMPLE.findall((ROOT / "docs" / "backends.md").read_text()))
(README,) = re.findall(
    r"```python\n(.*?)```", (ROOT / "clients/python/README.md").read_text(), re.DOTALL
)
((_, ROUTE),) = EXAMPLE.findall((ROOT / "README.md").read_text())


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    async with running_product() as product:
        yield product


@pytest.fixture
async def signed_in(product: Product) -> SignedIn:
    return await product.sign_in()


@pytest.fixture
async def service_url(product: Product, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    async with serving(product.app) as (url, _):
        monkeypatch.setenv("VETASSIST_URL", url)
        yield url


def run(example: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(example, names)
    return names


@pytest.mark.parametrize("example", [README, ROUTE, EXAMPLES["fastapi"], EXAMPLES["asgi"]])
async def test_an_app_knows_its_caller(
    service_url: str, signed_in: SignedIn, product: Product, example: str
) -> None:
    names = run(example.replace("http://localhost:8000", service_url))
    app = names["app"]
    async with (
        names["sessions"],
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url="http://back-end.example"
        ) as http,
    ):
        refused = await http.get("/api/me")
        let_in = await http.get("/api/me", headers=signed_in.headers)

    assert (refused.status_code, let_in.status_code) == (401, 200)
    assert str(product.sessions[0].user_id) in let_in.text


async def test_a_back_end_on_threads_knows_its_caller(
    service_url: str, signed_in: SignedIn, product: Product
) -> None:
    names = run(EXAMPLES["threads"])
    with names["sessions"]:
        answers = [
            await asyncio.to_thread(names["answer"], "GET", headers)
            for headers in (signed_in.headers.items(), {}.items())
        ]

    assert service_url
    assert answers[0] == (str(product.sessions[0].user_id), 200, {})
    assert answers[1][1:] == (401, {"WWW-Authenticate": 'Bearer realm="vetassist"'})


async def test_a_back_end_acts_for_its_caller(mocker: MockerFixture) -> None:
    key = ec_key()
    private_key = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    async with (
        running_product(public_url=url, clock=SystemClock()) as product,
        serving(product.app, port=port),
    ):
        added = await register(product.container, public_key=pem_of(key))
        signed_in = await product.sign_in()
        caller = mocker.Mock(jwt=signed_in.token)
        names = run(EXAMPLES["exchange"])
        async with names["va_tokens"](url, str(added.client.id), private_key) as tokens:
            before = await names["scopes_of"](tokens, caller)
            await signed_in.browser.delete("/api/v1/session", headers=signed_in.headers)
            after = await names["scopes_of"](tokens, caller)

    assert "veteran_status.read" in before.split()
    assert after == "sign in again"
