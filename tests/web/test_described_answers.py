"""Every answer that the API's description promises, given by the API as it is described."""

import re
from collections.abc import AsyncIterator, Iterable
from typing import Any, Final, final
from unittest.mock import patch
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import jsonschema_rs
from anyio.lowlevel import checkpoint
from pytest_mock import MockerFixture

from adapters.memory.login_attempts import MemoryLoginAttempts
from adapters.memory.readiness import MemoryReadiness
from adapters.memory.session_lookup import MemorySessionLookup
from adapters.memory.unit_of_work import MemoryUnitOfWork
from adapters.memory.user_directory import MemoryUserDirectory
from application.errors import UnavailableError
from application.ports.readiness import ReadinessCheck
from domain.front_end import SETTINGS_FRONT_END
from entrypoints.web import bounded_body
from entrypoints.web.disclosure_endpoints import USES_PATH
from entrypoints.web.history_endpoints import EXPORT_PATH, HISTORY_PATH
from entrypoints.web.token_endpoint import REFUSALS_A_MINUTE, TOKEN_PATH
from tests.support.product import SERVICE_URL, Product, running_product
from tests.support.service_clients import SecretClient, exchange_fields
from tests.web.test_openapi import operations

_OUR_PAGE: Final = {"Origin": SERVICE_URL}
_JSON: Final = {"Content-Type": "application/json"}
_RENEW: Final = "/api/v1/session/renew"
_REDEEM: Final = "/api/v1/session/redeem"

Answer = tuple[str, str, str]


@final
class Description:
    """What was promised, and what has been given so far."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._components = {"components": document["components"]}
        self._operations = operations(document)
        self.given: set[Answer] = set()

    @property
    def promised(self) -> set[Answer]:
        return {
            (method, path, status)
            for (method, path), operation in self._operations.items()
            for status in operation["responses"]
        }

    def guarded(self) -> Iterable[tuple[str, str, dict[str, Any]]]:
        """What needs a session: the method, a path to ask for, and the promised answers."""
        for (method, path), operation in self._operations.items():
            if {"bearer": []} in operation.get("security", []):
                asked = path.replace("{session_id}", str(uuid4())).replace("{path}", "a/b")
                asked = asked.replace("{front_end_id}", str(SETTINGS_FRONT_END))
                yield method, asked, operation["responses"]

    async def check(self, response: httpx.Response) -> None:
        """The answer is promised for what was asked, and looks as promised."""
        method, asked = response.request.method, urlsplit(str(response.request.url)).path
        path = next((path for path in self._paths(method) if _matches(path, asked)), None)
        if path is None:
            return
        status = str(response.status_code)
        promised = self._resolved(self._operations[method, path]["responses"][status])
        for name, reference in promised["headers"].items():
            self._check_header(response, name, self._resolved(reference))
        await response.aread()
        if "content" in promised:
            media_type = response.headers["content-type"].partition(";")[0]
            schema = promised["content"][media_type]["schema"]
            body = response.json() if media_type.endswith("json") else response.text
            self._validate(schema, body)
        else:
            assert response.content == b""
        self.given.add((method, path, status))

    def _paths(self, method: str) -> Iterable[str]:
        # One with a parameter matches more than it means.
        return sorted(
            (path for asked, path in self._operations if asked == method), key=lambda p: "{" in p
        )

    def _check_header(self, response: httpx.Response, name: str, header: dict[str, Any]) -> None:
        if name not in response.headers:
            assert not header.get("required"), f"{name} is missing"
            return
        value = response.headers[name]
        is_number = header["schema"].get("type") == "integer"
        self._validate(header["schema"], int(value) if is_number else value)

    def _validate(self, schema: dict[str, Any], value: Any) -> None:
        jsonschema_rs.validator_for(schema | self._components, validate_formats=True).validate(
            value
        )

    def _resolved(self, part: dict[str, Any]) -> dict[str, Any]:
        if "$ref" not in part:
            return part
        _, _, kind, name = part["$ref"].split("/")
        found: dict[str, Any] = self._components["components"][kind][name]
        return found


def _matches(template: str, path: str) -> bool:
    pattern = re.escape(template).replace(r"\{path\}", ".*")
    pattern = re.sub(r"\\{[a-z_]+\\}", "[^/]+", pattern)
    return re.fullmatch(pattern, path) is not None


def _client(product: Product, description: Description) -> httpx.AsyncClient:
    """A new browser whose every answer is checked."""
    client = product.browser().http
    client.event_hooks["response"].append(description.check)
    return client


async def _signed_in(product: Product, description: Description) -> httpx.AsyncClient:
    """One whose session is in its cookies."""
    browser = product.browser()
    browser.http.event_hooks["response"].append(description.check)
    await browser.get(await browser.begin())
    return browser.http


async def _bearer(product: Product) -> dict[str, str]:
    """A token that needs no cookie."""
    browser = product.browser()
    await browser.get(await browser.begin())
    return {"Authorization": f"Bearer {browser.http.cookies['vetassist_session']}"}


async def _endless() -> AsyncIterator[bytes]:
    while True:
        await checkpoint()
        yield b" "


async def _visit_guarded(product: Product, description: Description) -> None:
    for method, path, responses in description.guarded():
        stranger = _client(product, description)
        await stranger.request(method, path)
        await stranger.request(method, path, headers=await _bearer(product))
        if "403" in responses:
            deceived = await _signed_in(product, description)
            await deceived.request(method, path, headers={"X-Forwarded-Method": "POST"})
    client = _client(product, description)
    await client.delete("/api/v1/sessions?except=this", headers=await _bearer(product))
    for path in (USES_PATH, HISTORY_PATH):
        await client.get(f"{path}?after=nowhere", headers=await _bearer(product))
    for name in ("csv", "xml"):
        await client.get(f"{EXPORT_PATH}?format={name}", headers=await _bearer(product))
    bearer = await _bearer(product)
    session = (await client.get("/api/v1/session", headers=bearer)).json()["session_id"]
    await client.delete(f"/api/v1/sessions/{session}", headers=bearer)


async def _visit_open(product: Product, description: Description) -> None:
    client = _client(product, description)
    for path in ("/healthz", "/readyz"):
        await client.get(path)
        await client.head(path)
    await client.get("/openapi.json")
    await client.get("/api/v1/va/login")
    await client.get("/api/v1/va/login", params={"return_to": "//elsewhere.example"})
    await client.get("/api/v1/va/callback", params={"state": "x"})
    for path in ("/api/v1/va/login", "/api/v1/va/callback"):
        await client.get(path, headers={"Sec-Purpose": "prefetch"})


async def _send_bodies(client: httpx.AsyncClient, path: str) -> None:
    """What neither of the two routes that take a body can read."""
    await client.post(path, content=b"[]", headers=_JSON)
    await client.post(path, content=b"{}", headers={"Content-Type": "text/plain"})
    await client.post(path, content=b" " * 5000, headers=_JSON)
    with patch.object(bounded_body, "_DEADLINE_SECONDS", 0):
        await client.post(path, content=_endless(), headers=_JSON)


async def _visit_renewal(product: Product, description: Description) -> None:
    client = await _signed_in(product, description)
    await _send_bodies(client, _RENEW)
    await client.post(_RENEW)
    await client.post(_RENEW, headers=_OUR_PAGE)
    await _client(product, description).post(_RENEW)


async def _visit_redemption(product: Product, description: Description) -> None:
    browser = product.browser()
    browser.http.event_hooks["response"].append(description.check)
    signed_in = await browser.sign_in()
    body = {"code": signed_in.parameters["code"]}
    await _send_bodies(browser.http, _REDEEM)
    await browser.post(_REDEEM, json=body)
    await browser.post(_REDEEM, json=body, headers=_OUR_PAGE)
    await browser.post(_REDEEM, json=body, headers=_OUR_PAGE)


async def _visit_tokens(product: Product, description: Description) -> None:
    client = _client(product, description)
    registered = await SecretClient.registered(product.container)
    signed_in = _client(product, description)
    token = (await _bearer(product))["Authorization"].removeprefix("Bearer ")
    good = exchange_fields(token) | registered.fields
    assert (await client.post(TOKEN_PATH, data=good)).status_code == 200
    assert (await signed_in.get(USES_PATH, headers=await _bearer(product))).json()["uses"]
    await client.post(TOKEN_PATH, data=good | {"scope": "more"})
    await client.post(TOKEN_PATH, json=good)
    await client.post(TOKEN_PATH, data=good | {"x": "x" * 20_000})
    with patch.object(bounded_body, "_DEADLINE_SECONDS", 0):
        await client.post(TOKEN_PATH, content=_endless())
    for _ in range(REFUSALS_A_MINUTE + 1):
        await client.post(TOKEN_PATH, data=good | {"client_secret": "x"})


def _stop_storage(mocker: MockerFixture) -> None:
    for adapter, method in (
        (MemoryLoginAttempts, "add"),
        (MemorySessionLookup, "find"),
        (MemoryUnitOfWork, "__aenter__"),
        (MemoryUserDirectory, "find"),
    ):
        mocker.patch.object(adapter, method, side_effect=UnavailableError)
    down = frozenset({ReadinessCheck.DATABASE})
    mocker.patch.object(MemoryReadiness, "failing", return_value=down)


async def _visit_without_storage(
    product: Product, description: Description, mocker: MockerFixture
) -> None:
    bearer = await _bearer(product)
    renewing = await _signed_in(product, description)
    registered = await SecretClient.registered(product.container)
    _stop_storage(mocker)
    client = _client(product, description)
    await client.post(TOKEN_PATH, data=exchange_fields("x") | registered.fields)
    for method, path, _ in description.guarded():
        await client.request(method, path, headers=bearer)
    await client.get("/readyz")
    await client.head("/readyz")
    await client.get("/api/v1/va/login")
    await renewing.post(_RENEW, headers=_OUR_PAGE)
    client.cookies.set("vetassist_handoff", "x")
    await client.post(_REDEEM, json={"code": "x"}, headers=_OUR_PAGE)


async def test_every_answer_that_is_described_is_given_as_described(mocker: MockerFixture) -> None:
    async with running_product(session_delivery="cookie", login_rate=0) as product:
        document = (await product.browser().get("/openapi.json")).json()
        description = Description(document)
        await _visit_open(product, description)
        await _visit_guarded(product, description)
        await _visit_renewal(product, description)
        await _visit_tokens(product, description)
        async with running_product(session_delivery="code", login_rate=1) as by_code:
            await _visit_redemption(by_code, description)
            await _client(by_code, description).get("/api/v1/va/login")
        await _visit_without_storage(product, description, mocker)

    assert description.promised - description.given == set()
