"""Who gets into the console, and that it and the service have nothing in common."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from starlette.routing import Mount, Route

from adapters.va_oauth.operator_directory import OpenIDOperatorDirectory
from application.ports.operator_directory import KnownOperator
from domain.audit_event import AuditEventType
from domain.operator import Operator, OperatorRole
from entrypoints.building.console import directory_settings
from entrypoints.console.acting import acting_as
from entrypoints.console.acts import HOME, SIGN_IN
from entrypoints.sandbox.signing import (
    IdToken,
    SigningKey,
    hs256_with_public_key,
    rs256,
    unsigned,
)
from tests.support.builders import NOW
from tests.support.console import ISSUER, SETTINGS, Console, a_client, running_console
from tests.support.frozen_clock import FrozenClock
from tests.support.httpx_wire import HttpxWire
from tests.support.product import captured_log, running_product

_OURS: Final = SigningKey.generate()
_ANOTHERS: Final = SigningKey.generate()
_HOUR: Final = 3600
_NOW: Final = int(NOW.timestamp())
_ADMIN: Final = OperatorRole.ADMIN.value


@dataclass(slots=True, kw_only=True)
class _Provider:
    """An OpenID Provider of operators whose ID tokens a test can make wrong."""

    changes: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    key: SigningKey = _OURS
    sign: Callable[[SigningKey, bytes], bytes] = rs256
    has_id_token: bool = True
    nonce: str = ""

    async def answer(self, request: httpx.Request) -> httpx.Response:
        match request.url.path:
            case "/.well-known/openid-configuration":
                return _streamed(
                    {
                        "issuer": ISSUER,
                        "authorization_endpoint": f"{ISSUER}/authorization",
                        "token_endpoint": f"{ISSUER}/token",
                        "jwks_uri": f"{ISSUER}/keys",
                    }
                )
            case "/keys":
                return _streamed({"keys": [_OURS.jwk]})
        answer = {"access_token": "an-access-token", "token_type": "Bearer"}
        return _streamed(answer | ({"id_token": self._id_token()} if self.has_id_token else {}))

    def _id_token(self) -> str:
        claims = {
            "iss": ISSUER,
            "aud": SETTINGS.console_client_id,
            "sub": "the-operator",
            "nonce": self.nonce,
            "iat": _NOW,
            "exp": _NOW + _HOUR,
            "groups": [_ADMIN],
        } | self.changes
        return IdToken(
            header={"alg": "RS256", "kid": _OURS.kid} | self.header,
            claims={name: value for name, value in claims.items() if value is not None},
            key=self.key,
            sign=self.sign,
        ).encode()


def _streamed(document: object) -> httpx.Response:
    async def body() -> AsyncIterator[bytes]:
        yield json.dumps(document).encode()

    return httpx.Response(200, headers={"Content-Type": "application/json"}, content=body())


@asynccontextmanager
async def _console_of(provider: _Provider) -> AsyncIterator[Console]:
    def directory(clock: FrozenClock) -> OpenIDOperatorDirectory:
        wire = httpx.AsyncClient(transport=httpx.MockTransport(provider.answer))
        return OpenIDOperatorDirectory(
            settings=directory_settings(SETTINGS),
            role_claim=SETTINGS.console_role_claim,
            wire=HttpxWire(wire),
            clock=clock,
        )

    async with running_console(provider=directory) as console:
        yield console


async def _sign_in(console: Console, provider: _Provider) -> httpx.Response:
    desk = await console.desk()
    url = await desk.begin()
    provider.nonce = parse_qs(urlsplit(url).query)["nonce"][0]
    return await desk.come_back(url, code="a-code")


async def test_a_genuine_id_token_lets_its_operator_in() -> None:
    provider = _Provider()
    async with _console_of(provider) as console:
        answer = await _sign_in(console, provider)

        assert answer.headers["location"] == HOME
        assert console.audit[-1].visitor.operator == "the-operator"


async def test_a_single_group_may_be_a_text() -> None:
    provider = _Provider(changes={"groups": OperatorRole.SUPPORT.value})
    async with _console_of(provider) as console:
        await _sign_in(console, provider)

        assert console.audit[-1].data == {"role": "vetassist-support"}


FORGED: Final = {
    "of another issuer": _Provider(changes={"iss": "https://elsewhere.example"}),
    "without an issuer": _Provider(changes={"iss": None}),
    "for another client": _Provider(changes={"aud": "vetassist_demo"}),
    "for two clients": _Provider(changes={"aud": [SETTINGS.console_client_id, "another"]}),
    "expired": _Provider(changes={"exp": _NOW - _HOUR}),
    "without an end": _Provider(changes={"exp": None}),
    "from the future": _Provider(changes={"iat": _NOW + _HOUR}),
    "of another attempt": _Provider(changes={"nonce": "another"}),
    "without a nonce": _Provider(changes={"nonce": None}),
    "without a subject": _Provider(changes={"sub": None}),
    "signed by another": _Provider(key=_ANOTHERS),
    "signed by nobody": _Provider(header={"alg": "none"}, sign=unsigned),
    "signed with the public key": _Provider(header={"alg": "HS256"}, sign=hs256_with_public_key),
    "with groups that are none": _Provider(changes={"groups": 1}),
    "that isn't there": _Provider(has_id_token=False),
}


@pytest.mark.case(25, 26, 27, 28, 35, 36, 37, 38, 39, 41)
@pytest.mark.parametrize("provider", FORGED.values(), ids=list(FORGED))
async def test_an_id_token_that_is_not_genuine_lets_nobody_in(provider: _Provider) -> None:
    async with _console_of(provider) as console:
        answer = await _sign_in(console, provider)

        assert answer.status_code == HTTPStatus.BAD_REQUEST
        assert "vetassist_console=" not in answer.headers.get("set-cookie", "")
        (told,) = console.audit
        assert told.type is AuditEventType.OPERATOR_SIGN_IN_REFUSED
        assert told.visitor.operator is None


@pytest.mark.parametrize("groups", [None, [], ["another"], {"admin": True}])
async def test_an_operator_without_a_role_is_not_let_in(groups: object) -> None:
    provider = _Provider(changes={"groups": groups})
    async with _console_of(provider) as console:
        answer = await _sign_in(console, provider)

        assert answer.status_code in {HTTPStatus.FORBIDDEN, HTTPStatus.BAD_REQUEST}
        assert console.audit[-1].type is AuditEventType.OPERATOR_SIGN_IN_REFUSED


async def test_nothing_of_the_console_answers_on_the_services_port_and_the_reverse() -> None:
    async with running_console() as console, running_product() as product:
        theirs = await console.signed_in()
        ours = await product.browser().sign_in("tamara-ellis")
        of_console = {_path(route) for route in console.app.routes} - {"/"}
        of_service = {_path(route) for route in product.app.routes} - {"/"}
        assert not of_console & of_service
        for path in sorted(of_console):
            answer = await ours.browser.get(path, headers=ours.headers)
            assert answer.status_code == HTTPStatus.NOT_FOUND, path
        for path in sorted(of_service):
            answer = await theirs.get(path)
            assert answer.status_code == HTTPStatus.NOT_FOUND, path


async def test_a_session_of_the_service_is_none_of_the_console() -> None:
    async with running_console() as console, running_product() as product:
        signed_in = await product.sign_in()
        token = signed_in.headers["Authorization"].partition(" ")[2]
        async with a_client(console.app) as stranger:
            stranger.cookies.set("vetassist_console", token)
            stranger.cookies.set("vetassist_session", token)
            answer = await stranger.get(HOME, headers=signed_in.headers)

    assert answer.headers["location"] == SIGN_IN


async def test_every_page_has_the_headers_of_a_page_that_nobody_keeps() -> None:
    async with running_console() as console:
        desk = await console.signed_in()
        pages = [await desk.get(f"{HOME}{path}") for path in ("", "/clients", "/board", "/doctor")]
        pages += [await desk.get(SIGN_IN), await desk.get("/nowhere")]

    for page in pages:
        assert page.headers["cache-control"] == "no-store"
        policy = page.headers["content-security-policy"].split("; ")
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert not any(part.startswith("script-src") for part in policy)
        assert "<script" not in page.text
        assert "style=" not in page.text


async def test_what_was_searched_for_and_the_icn_are_in_no_address_and_no_trail() -> None:
    async with running_console() as console:
        user = (await console.service.sign_in()).grant.session.user_id
        desk = await console.signed_in()
        secret = "1234567890V123456"
        found = await desk.post(f"{HOME}/people", {"text": secret})
        changed = await desk.post(
            f"{HOME}/people/{user}/change-icn", {"icn": secret, "reason": "va_changed_icn"}
        )

        assert secret not in found.text
        assert secret not in changed.headers["location"]
        assert secret not in str([(each.data, each.visitor) for each in console.audit])


async def test_neither_the_log_nor_any_object_of_the_console_shows_a_secret() -> None:
    async with running_console() as console:
        with captured_log() as log:
            user = (await console.service.sign_in()).grant.session.user_id
            desk = await console.desk()
            url = await desk.begin()
            operator = KnownOperator(subject="the-operator", groups=frozenset({_ADMIN}))
            code = console.directory.consent(url, operator).reveal()
            await desk.come_back(url, code=code)
            form_secret = await desk.form_secret()
            await desk.post(f"{HOME}/people", {"text": "ellis"})
            await desk.post(f"{HOME}/people/{user}/sign-out", {"reason": "lost_device"})
        settings = console.container.settings()
        secrets = {
            code,
            form_secret,
            *desk.http.cookies.values(),
            *(value for values in parse_qs(urlsplit(url).query).values() for value in values[:1]),
            SETTINGS.console_client_secret.reveal(),
            settings.jwt_secret.reveal(),
            settings.va_client_secret.reveal(),
        } - {"code", "S256"}
        shown = [log.getvalue()]
        with acting_as(Operator(name="the-operator", role=OperatorRole.ADMIN)):
            for provided in console.container.providers.values():
                built = provided()
                shown += [repr(built), str(built), repr(provided)]

    assert len(shown) > 100
    assert "request" in shown[0]
    assert [text[:80] for text in shown if any(each in text for each in secrets)] == []


def _path(route: object) -> str:
    """A path that the route answers."""
    assert isinstance(route, Route | Mount)
    path = route.path + ("/console.css" if isinstance(route, Mount) else "")
    for part in ("{user_id:uuid}", "{session_id:uuid}", "{session_id}", "{client_id}"):
        path = path.replace(part, "8f5f5a4e-6a0e-4d3f-9a57-5b8b3f0c2d11")
    return path
