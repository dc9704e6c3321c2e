"""The example back ends, each as a process of its own, beside the real service.

What the library makes of odd answers and broken connections is tested in tests/clients.
"""

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import httpx
import pytest
import uvicorn
from pytest_mock import MockerFixture
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.memory.session_lookup import MemorySessionLookup
from application.errors import UnavailableError
from tests.support.environment import plain_environment
from tests.support.processes import HOST, free_port, running
from tests.support.product import SERVICE_URL, Product, running_product, serving

USER = "11111111-1111-4111-8111-111111111111"
SESSION = "22222222-2222-4222-8222-222222222222"

Headers = dict[str, str] | list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class BackEnd:
    """A running example, which asks whatever listens on ``service_port``."""

    http: httpx.AsyncClient
    service_port: int

    def beside(self, app: ASGIApp) -> AbstractAsyncContextManager[tuple[str, uvicorn.Server]]:
        """The session service, or what stands in for it, until the block ends."""
        return serving(app, port=self.service_port)

    async def get(self, headers: Headers | None = None) -> httpx.Response:
        return await self.http.get("/api/me", headers=headers)

    async def post(self, headers: Headers | None = None) -> httpx.Response:
        return await self.http.post("/api/me", headers=headers)


@pytest.fixture(scope="module", params=["starlette_backend", "fastapi_backend"])
def example(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, int]]:
    """A running example's URL, and the port that it asks at."""
    port = free_port()
    with running(
        environment=plain_environment() | {"VETASSIST_URL": f"http://{HOST}:{port}/"},
        log=tmp_path_factory.mktemp("example") / "log",
        ready="/healthz",
        command=(sys.executable, "-m", "uvicorn", f"examples.{request.param}.app:app"),
    ) as started:
        yield started.url, port


@pytest.fixture
async def back_end(example: tuple[str, int]) -> AsyncIterator[BackEnd]:
    url, port = example
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
        yield BackEnd(http=http, service_port=port)


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    async with running_product() as product:
        yield product


async def test_a_session_is_let_in_and_known(back_end: BackEnd, product: Product) -> None:
    signed_in = await product.sign_in()
    shown = await signed_in.browser.get("/api/v1/session", headers=signed_in.headers)

    async with back_end.beside(product.app):
        answer = await back_end.get(signed_in.headers)

    assert answer.status_code == 200
    assert answer.json() == {
        "user_id": shown.json()["user_id"],
        "session_id": shown.json()["session_id"],
    }


async def test_an_identity_that_the_client_claims_is_not_believed(
    back_end: BackEnd, product: Product
) -> None:
    claimed = {"X-Auth-User": USER, "X-Auth-Session": SESSION}
    signed_in = await product.sign_in()

    async with back_end.beside(product.app):
        with_session = await back_end.get(signed_in.headers | claimed)
        without = await back_end.get(claimed)

    assert with_session.json()["user_id"] != USER
    assert with_session.json()["session_id"] != SESSION
    assert without.status_code == 401


async def test_without_a_token_the_answer_is_401_with_the_challenge(
    back_end: BackEnd, product: Product
) -> None:
    async with back_end.beside(product.app):
        answer = await back_end.get()

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer ")


async def test_two_tokens_are_as_good_as_none(back_end: BackEnd, product: Product) -> None:
    one, other = await product.sign_in(), await product.sign_in("janet-moore")

    async with back_end.beside(product.app):
        answer = await back_end.get([*one.headers.items(), *other.headers.items()])

    assert answer.status_code == 401


async def test_a_revoked_session_is_refused_at_the_next_request(
    back_end: BackEnd, product: Product
) -> None:
    signed_in = await product.sign_in()

    async with back_end.beside(product.app):
        before = await back_end.get(signed_in.headers)
        await signed_in.browser.delete("/api/v1/session", headers=signed_in.headers)
        after = await back_end.get(signed_in.headers)

    assert before.status_code == 200
    assert after.status_code == 401
    assert "www-authenticate" in after.headers


async def test_while_the_service_is_down_the_answer_is_503_and_nobody_is_logged_out(
    back_end: BackEnd, product: Product
) -> None:
    signed_in = await product.sign_in()

    async with back_end.beside(product.app):
        before = await back_end.get(signed_in.headers)
    during = await back_end.get(signed_in.headers)
    async with back_end.beside(product.app):
        after = await back_end.get(signed_in.headers)

    assert [answer.status_code for answer in (before, during, after)] == [200, 503, 200]
    assert during.headers["retry-after"] == "2"


async def test_an_outage_that_the_service_reports_is_passed_on_as_one(
    back_end: BackEnd, product: Product, mocker: MockerFixture
) -> None:
    signed_in = await product.sign_in()
    mocker.patch.object(MemorySessionLookup, "find", side_effect=UnavailableError)

    async with back_end.beside(product.app):
        answer = await back_end.get(signed_in.headers)

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"


async def test_a_cookie_lets_in_but_not_what_another_site_does_with_it(
    back_end: BackEnd,
) -> None:
    async with running_product(session_delivery="cookie") as product:
        browser = product.browser()
        await browser.get(await browser.begin())
        cookie = {"Cookie": f"vetassist_session={browser.http.cookies['vetassist_session']}"}
        elsewhere = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}

        async with back_end.beside(product.app):
            read = await back_end.get(cookie)
            from_our_page = await back_end.post(cookie | {"Origin": SERVICE_URL})
            from_elsewhere = await back_end.post(cookie | elsewhere)
            from_nowhere = await back_end.post(cookie)

    assert (read.status_code, from_our_page.status_code) == (200, 200)
    assert (from_elsewhere.status_code, from_nowhere.status_code) == (403, 403)


async def test_the_service_is_told_the_credential_and_the_method_and_no_more(
    back_end: BackEnd,
) -> None:
    asked: list[dict[str, str]] = []

    async def service(scope: Scope, receive: Receive, send: Send) -> None:
        asked.append({name.decode(): value.decode() for name, value in scope["headers"]})
        await Response(status_code=401)(scope, receive, send)

    async with back_end.beside(service):
        await back_end.post({"Authorization": "Bearer x", "X-Secret": "y", "User-Agent": "z"})

    assert asked == [
        {
            "host": f"{HOST}:{back_end.service_port}",
            "authorization": "Bearer x",
            "x-forwarded-method": "POST",
        }
    ]
