"""Sessions through the API: who gets in, who ends what, and what is refused."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID, uuid4

import anyio
import httpx
import pytest
from pytest_mock import MockerFixture
from starlette.routing import Mount, Route

from adapters.session_tokens.jwt_session_tokens import JWTSessionTokens
from application.use_cases.operations.disable_user import DisableUserCommand
from application.use_cases.operations.enable_user import EnableUserCommand
from domain.audit_event import AuditEventType
from domain.front_end import SETTINGS_FRONT_END
from domain.identifiers import SessionId, UserId
from domain.revocation import RevokedBy
from entrypoints.web import bounded_body
from entrypoints.web.session_endpoints import VERIFY_METHODS, VERIFY_PATH
from entrypoints.web.token_endpoint import TOKEN_PATH
from tests.security.cookies import OUR_PAGE, REDEEM, RENEW, signed_in_by_cookie, value_in
from tests.security.strangers import but_for_strangers
from tests.support.builders import LIMITS
from tests.support.forgery import session_claims, signed
from tests.support.product import SERVICE_URL, Browser, Product, SignedIn, running_product

SESSION_COOKIE: Final = "vetassist_session"
REFRESH_COOKIE: Final = "vetassist_refresh"
HANDOFF_COOKIE: Final = "vetassist_handoff"
SOME_ID: Final = UUID("0b9d6f2e-4c1a-4e37-9b7d-5f6a7b8c9d0e")
SECOND: Final = timedelta(seconds=1)

#: It ends a session also for a JWT that has expired, and repeats what was done.
SIGN_OUT: Final = ("DELETE", "/api/v1/session")
OWN_VERIFY_PATH: Final = "/api/v1/front-ends/{front_end_id}/verify"
#: Every route, and what opens it. A new one has to be put where it belongs.
GUARDED: Final = {
    ("GET", "/api/v1/session"),
    SIGN_OUT,
    ("GET", "/api/v1/sessions"),
    ("DELETE", "/api/v1/sessions"),
    ("DELETE", "/api/v1/sessions/{session_id}"),
    ("DELETE", "/api/v1/va/link"),
    ("GET", "/api/v1/va/uses"),
    ("GET", "/api/v1/history"),
    ("GET", "/api/v1/history/export"),
    ("GET", "/api/v1/user"),
    ("GET", VERIFY_PATH),
    *((method, f"{VERIFY_PATH}/{{path}}") for method in VERIFY_METHODS),
    ("GET", OWN_VERIFY_PATH),
    *((method, f"{OWN_VERIFY_PATH}/{{path}}") for method in VERIFY_METHODS),
}
BY_SECRET: Final = {("POST", RENEW), ("POST", REDEEM), ("POST", TOKEN_PATH)}
OPEN: Final = {
    ("GET", "/api/v1/va/login"),
    ("GET", "/api/v1/va/callback"),
    *((method, path) for method in ("GET", "HEAD") for path in ("/healthz", "/readyz")),
    ("GET", "/openapi.json"),
    *(
        (method, path)
        for method in ("GET", "HEAD")
        for path in (
            *("/", "/va-success", "/va-error", "/sessions", "/uses", "/history", "/disconnect"),
            *("/scripts-needed", "/language/{language}"),
        )
    ),
}


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    async with running_product() as product:
        yield product


@pytest.fixture
async def by_cookie() -> AsyncIterator[Product]:
    async with running_product(session_delivery="cookie") as product:
        yield product


@pytest.fixture
async def by_code() -> AsyncIterator[Product]:
    async with running_product(session_delivery="code") as product:
        yield product


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def key_of(product: Product) -> bytes:
    return product.settings.jwt_secret.reveal().encode()


def routes_of(product: Product) -> Iterator[tuple[str, str]]:
    for route in product.app.routes:
        if isinstance(route, Route):
            template = re.sub(r":\w+}", "}", route.path)
            yield from ((method, template) for method in route.methods or ())
        else:
            assert isinstance(route, Mount)
            assert route.path == "/static"


async def session_id_of(signed_in: SignedIn) -> str:
    answer = await signed_in.browser.get("/api/v1/session", headers=signed_in.headers)
    session_id: str = answer.json()["session_id"]
    return session_id


def told(product: Product, type_: AuditEventType) -> list[dict[str, Any]]:
    return [dict(event.data) for event in product.audit if event.type is type_]


def unauthorized(answer: httpx.Response, where: object) -> None:
    assert answer.status_code == 401, where
    assert answer.headers["www-authenticate"].startswith("Bearer "), where
    assert answer.headers["content-type"] == "application/problem+json", where
    assert not [name for name in answer.headers if name.startswith("x-auth-")], where


# Case 72: every route, and all that does not open it.


@pytest.mark.case(72)
async def test_every_route_is_known_to_be_open_or_guarded() -> None:
    async with running_product(frontend_url=SERVICE_URL) as product:
        assert set(routes_of(product)) == GUARDED | BY_SECRET | OPEN


def filled(template: str) -> str:
    path = template.replace("{front_end_id}", str(SETTINGS_FRONT_END))
    return re.sub(r"{[^}]*}", str(SOME_ID), path)


async def nobody(product: Product) -> list[str]:
    return []


async def forged(product: Product) -> list[str]:
    said = session_claims(user_id=uuid4(), session_id=uuid4(), now=product.clock.now())
    return [
        "x",
        "e30.e30.c2ln",
        signed(said, b"a key that the service does not use"),
        signed(said, key_of(product)),
    ]


async def a_token(product: Product, veteran: str = "tamara-ellis") -> str:
    return value_in(await signed_in_by_cookie(product, veteran), SESSION_COOKIE)


async def expired(product: Product) -> list[str]:
    token = await a_token(product)
    product.clock.advance(LIMITS.idle)
    return [token]


async def revoked(product: Product) -> list[str]:
    tokens = [await a_token(product) for _ in range(2)]
    client = product.browser()
    await client.delete("/api/v1/session", headers=bearer(tokens[0]))
    await client.delete("/api/v1/sessions", headers=bearer(tokens[1]))
    return tokens


async def disabled(product: Product) -> list[str]:
    token = await a_token(product)
    user_id = product.sessions[-1].user_id
    await set_active(product, user_id, is_active=False)
    return [token]


async def crossed(product: Product) -> list[str]:
    """One user's name on another's session."""
    for veteran in ("tamara-ellis", "janet-moore"):
        await a_token(product, veteran)
    mine, theirs = product.sessions
    now, key = product.clock.now(), key_of(product)
    return [
        signed(session_claims(user_id=one.user_id, session_id=other.id, now=now), key)
        for one, other in ((mine, theirs), (theirs, mine))
    ]


async def refresh_tokens(product: Product) -> list[str]:
    return [value_in(await signed_in_by_cookie(product), REFRESH_COOKIE)]


Credentials = Callable[[Product], Awaitable[list[str]]]
USELESS: Final[list[Credentials]] = [
    nobody,
    forged,
    expired,
    revoked,
    disabled,
    crossed,
    refresh_tokens,
]
#: What did open a session once.
ONCE_GENUINE: Final = {expired, revoked, disabled}


@pytest.mark.case(72)
@pytest.mark.parametrize("credentials", USELESS)
async def test_no_route_opens_to_a_token_that_does_not_stand(
    by_cookie: Product, credentials: Credentials
) -> None:
    useless = await credentials(by_cookie)
    spared = {SIGN_OUT} if credentials in ONCE_GENUINE else set()
    shown: list[dict[str, str]] = [{}]
    for token in useless:
        shown += [bearer(token), {"Cookie": f"{SESSION_COOKIE}={token}"}]
    before, client = by_cookie.store.committed.copy(), by_cookie.browser()
    for method, template in sorted(GUARDED - spared):
        path = filled(template)
        for headers in shown:
            answer = await client.http.request(method, path, headers={**headers, **OUR_PAGE})
            unauthorized(answer, f"{method} {path} {sorted(headers)}")
    assert by_cookie.store.committed == before


@pytest.mark.case(72)
async def test_every_route_opens_to_one_that_stands(by_cookie: Product) -> None:
    for method, template in sorted(GUARDED):
        path = filled(template)
        expected = 200
        if method == "DELETE" and "/verify" not in template:
            expected = 404 if "session_id" in template else 204
        client, token = by_cookie.browser().http, await a_token(by_cookie)
        by_header = await client.request(method, path, headers=bearer(token))
        browser = (await signed_in_by_cookie(by_cookie)).http
        by_its_cookie = await browser.request(method, path, headers=OUR_PAGE)
        for answer in (by_header, by_its_cookie):
            assert answer.status_code == expected, f"{method} {path}"


@pytest.mark.case(72)
@pytest.mark.parametrize("credentials", [nobody, forged])
async def test_no_renewal_by_a_token_that_is_none_of_ours(
    by_cookie: Product, credentials: Credentials
) -> None:
    token = await a_token(by_cookie)
    before, client = but_for_strangers(by_cookie), by_cookie.browser()
    for useless in [*(await credentials(by_cookie)), token, ""]:
        by_its_cookie = {"Cookie": f"{REFRESH_COOKIE}={useless}", **OUR_PAGE}
        unauthorized(await client.post(RENEW, headers=by_its_cookie), useless)
        unauthorized(await client.post(RENEW, json={"refresh_token": useless}), useless)
    unauthorized(await client.post(RENEW, headers=OUR_PAGE), "nothing")
    unauthorized(await client.post(RENEW, headers={**bearer(token), **OUR_PAGE}), "a JWT")
    unauthorized(await client.post(RENEW, params={"refresh_token": "x"}), "in the URL")
    assert but_for_strangers(by_cookie) == before


@pytest.mark.case(72)
async def test_no_renewal_of_a_session_that_has_ended(by_cookie: Product) -> None:
    browsers = [await signed_in_by_cookie(by_cookie) for _ in range(3)]
    logged_out, taken_over, idle = browsers
    refresh = value_in(logged_out, REFRESH_COOKIE)
    await logged_out.delete("/api/v1/session", headers=OUR_PAGE)
    client = by_cookie.browser()
    answer = await client.post(RENEW, json={"refresh_token": refresh})
    unauthorized(answer, "logged out")
    assert answer.json()["code"] == "session_ended"

    await taken_over.delete("/api/v1/sessions?except=current", headers=OUR_PAGE)
    answer = await idle.post(RENEW, headers=OUR_PAGE)
    unauthorized(answer, "ended elsewhere")
    assert answer.json()["code"] == "session_ended"
    by_cookie.clock.advance(LIMITS.idle)
    answer = await taken_over.post(RENEW, headers=OUR_PAGE)
    unauthorized(answer, "idle")
    assert answer.json()["code"] == "session_ended"


@pytest.mark.case(72)
async def test_no_renewal_with_one_users_name_on_anothers_secret(
    by_cookie: Product,
) -> None:
    mine, theirs = [
        value_in(await signed_in_by_cookie(by_cookie, veteran), REFRESH_COOKIE).split(".")
        for veteran in ("tamara-ellis", "janet-moore")
    ]
    before, client = but_for_strangers(by_cookie), by_cookie.browser()
    for ids in (mine[0], theirs[0]):
        for secret in (mine[1], theirs[1]):
            for proof in (mine[2], theirs[2]):
                token = [ids, secret, proof]
                if token not in (mine, theirs):
                    shown = {"refresh_token": ".".join(token)}
                    unauthorized(await client.post(RENEW, json=shown), token)
    assert but_for_strangers(by_cookie) == before


@pytest.mark.case(72)
async def test_no_redemption_without_both_halves(by_code: Product) -> None:
    browser = by_code.browser()
    code = (await browser.sign_in()).parameters["code"]
    mark, client = value_in(browser, HANDOFF_COOKIE), by_code.browser()

    def shown(mark: str | None) -> dict[str, str]:
        return OUR_PAGE | ({} if mark is None else {"Cookie": f"{HANDOFF_COOKIE}={mark}"})

    for half_code, half_mark in (
        (code, None),
        (code, ""),
        (code, "x" * 43),
        (code, code),
        (mark, mark),
        ("x" * 43, mark),
        ("", mark),
        (code.lower(), mark),
    ):
        answer = await client.post(REDEEM, json={"code": half_code}, headers=shown(half_mark))
        unauthorized(answer, (half_code, half_mark))
    answer = await client.post(REDEEM, params={"code": code}, headers=shown(mark))
    assert answer.status_code == 400
    answer = await client.post(REDEEM, json={"code": code}, headers=shown(mark))
    assert answer.status_code == 200


@pytest.mark.case(72)
async def test_no_redemption_of_a_session_that_has_ended(by_code: Product) -> None:
    browser = by_code.browser()
    code = (await browser.sign_in()).parameters["code"]
    await set_active(by_code, by_code.sessions[0].user_id, is_active=False)
    answer = await browser.post(REDEEM, json={"code": code}, headers=OUR_PAGE)

    unauthorized(answer, "disabled")
    assert answer.json()["code"] == "session_ended"


# Cases 74 to 76: whose sessions one may end, and how often.


@pytest.mark.case(74)
async def test_anothers_session_is_not_found_stays_and_the_attempt_is_audited(
    product: Product,
) -> None:
    victim, attacker = await product.sign_in(), await product.sign_in("janet-moore")
    theirs = await session_id_of(victim)
    stored = dict(product.store.committed.sessions)
    attackers_id = stored[SessionId(UUID(await session_id_of(attacker)))].user_id
    for wanted in (theirs, theirs.upper(), str(uuid4())):
        answer = await attacker.browser.delete(
            f"/api/v1/sessions/{wanted}", headers=attacker.headers
        )
        assert answer.status_code == 404
        assert answer.json()["code"] == "not_found"
        refusal = product.audit[-1]
        assert refusal.type is AuditEventType.SESSION_REVOKE_REFUSED
        assert refusal.data == {"session_id": wanted.lower()}
        assert refusal.user_id == attackers_id

    assert product.store.committed.sessions == stored
    assert len(told(product, AuditEventType.SESSION_REVOKE_REFUSED)) == 3
    assert await session_id_of(victim) == theirs


@pytest.mark.case(74)
async def test_anothers_and_nobodys_session_are_told_apart_by_nothing(
    product: Product,
) -> None:
    victim, attacker = await product.sign_in(), await product.sign_in("janet-moore")
    anothers, nobodys = [
        await attacker.browser.delete(f"/api/v1/sessions/{wanted}", headers=attacker.headers)
        for wanted in (await session_id_of(victim), uuid4())
    ]

    # Each answer names its own request, and apart from that they are one.
    assert problem_of(anothers) == problem_of(nobodys)
    assert without_id(anothers) == without_id(nobodys)


def problem_of(answer: httpx.Response) -> dict[str, object]:
    told: dict[str, object] = answer.json()
    assert told.pop("reference")
    return told


def without_id(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "x-request-id"}


@pytest.mark.case(74)
@pytest.mark.parametrize(
    "odd", ["x", "0", "%00", "..%2f", "{id}", "null", "*", "%ED%A0%80", "1' OR '1'='1", "a" * 5000]
)
async def test_what_is_no_id_is_not_found_and_ends_nothing(product: Product, odd: str) -> None:
    signed_in = await product.sign_in()
    before = product.store.committed.copy()
    answer = await signed_in.browser.delete(f"/api/v1/sessions/{odd}", headers=signed_in.headers)

    assert answer.status_code == 404
    assert product.store.committed == before


@pytest.mark.case(74)
async def test_a_slash_too_many_does_not_end_all(product: Product) -> None:
    signed_in = await product.sign_in()
    before = product.store.committed.copy()
    for path in ("/api/v1/sessions/", "/api/v1/session/", "/api/v1//sessions"):
        answer = await signed_in.browser.delete(path, headers=signed_in.headers)
        assert answer.status_code == 404, path

    assert product.store.committed == before


@pytest.mark.case(75)
async def test_revoking_twice_changes_once(product: Product) -> None:
    here, other = await product.sign_in(), await product.sign_in()
    path = f"/api/v1/sessions/{await session_id_of(other)}"
    first = await here.browser.delete(path, headers=here.headers)
    after = product.store.committed.copy()
    product.clock.advance(timedelta(minutes=1))
    second = await here.browser.delete(path, headers=here.headers)

    assert (first.status_code, second.status_code) == (204, 204)
    assert product.store.committed == after
    assert len(told(product, AuditEventType.SESSION_REVOKED)) == 1


@pytest.mark.case(75)
async def test_whoever_logged_out_is_not_asked_twice(product: Product) -> None:
    signed_in = await product.sign_in()
    answers = [
        await signed_in.browser.delete("/api/v1/session", headers=signed_in.headers)
        for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [204, 204]
    assert len(told(product, AuditEventType.LOGOUT)) == 1


@pytest.mark.case(75)
async def test_of_16_who_revoke_at_once_one_changes_it(product: Product) -> None:
    here, other = await product.sign_in(), await product.sign_in()
    path = f"/api/v1/sessions/{await session_id_of(other)}"
    statuses: list[int] = []

    async def revoke() -> None:
        answer = await here.browser.delete(path, headers=here.headers)
        statuses.append(answer.status_code)

    async with anyio.create_task_group() as tasks:
        for _ in range(16):
            tasks.start_soon(revoke)

    assert statuses == [204] * 16
    assert len(told(product, AuditEventType.SESSION_REVOKED)) == 1


@pytest.mark.case(76)
async def test_revoking_all_ends_every_sibling_and_nobody_elses(product: Product) -> None:
    siblings = [await product.sign_in() for _ in range(4)]
    stranger = await product.sign_in("janet-moore")
    refresh_tokens = [value_in(each.browser, REFRESH_COOKIE) for each in siblings]
    here = siblings[1]
    answer = await here.browser.delete("/api/v1/sessions", headers=here.headers)

    assert answer.status_code == 204
    for sibling, refresh in zip(siblings, refresh_tokens, strict=True):
        shown = await sibling.browser.get("/api/v1/session", headers=sibling.headers)
        unauthorized(shown, "a sibling")
        renewed = await sibling.browser.post(RENEW, json={"refresh_token": refresh})
        assert renewed.json()["code"] == "session_ended"
    assert await session_id_of(stranger)
    assert told(product, AuditEventType.LOGOUT_ALL) == [{"sessions": 4}]


@pytest.mark.case(76)
async def test_revoking_all_others_spares_the_one_that_asks(product: Product) -> None:
    siblings = [await product.sign_in() for _ in range(4)]
    here = siblings[1]
    answer = await here.browser.delete(
        "/api/v1/sessions", params={"except": "current"}, headers=here.headers
    )

    assert answer.status_code == 204
    statuses = [
        (await each.browser.get("/api/v1/session", headers=each.headers)).status_code
        for each in siblings
    ]
    assert statuses == [401, 200, 401, 401]
    assert told(product, AuditEventType.LOGOUT_OTHERS) == [{"sessions": 3}]


@pytest.mark.case(76)
@pytest.mark.parametrize(
    "query", ["except=", "except=CURRENT", "except=all", "except=current&except=current", "except"]
)
async def test_an_exception_that_is_not_understood_ends_nothing(
    product: Product, query: str
) -> None:
    siblings = [await product.sign_in() for _ in range(2)]
    before = product.store.committed.copy()
    answer = await siblings[0].browser.delete(
        f"/api/v1/sessions?{query}", headers=siblings[0].headers
    )

    assert answer.status_code == 400
    assert product.store.committed == before


# Case 77: what no client of ours would send.


METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")


@pytest.mark.case(77)
async def test_a_wrong_method_is_refused_with_the_right_ones_named(
    product: Product,
) -> None:
    signed_in = await product.sign_in()
    allowed: dict[str, set[str]] = {}
    for method, template in routes_of(product):
        allowed.setdefault(re.sub(r"{[^}]*}", str(SOME_ID), template), set()).add(method)
    before = product.store.committed.copy()
    for path, right in allowed.items():
        for method in sorted(set(METHODS) - right):
            answer = await signed_in.browser.http.request(method, path, headers=signed_in.headers)
            assert answer.status_code == 405, f"{method} {path}"
            named = {each.strip() for each in answer.headers["allow"].split(",")}
            assert named == right, f"{method} {path}"

    assert product.store.committed == before


#: NAME is the field that the route reads.
UNREADABLE: Final[dict[str, tuple[bytes, int]]] = {
    "a lone surrogate": (rb'{"NAME": "\ud800"}', 400),
    "a lone surrogate for a name": (rb'{"NAME": "x", "\udfff": "x"}', 400),
    "NUL": (rb'{"NAME": "\u0000"}', 400),
    "more than ASCII": ('{"NAME": "é"}'.encode(), 400),
    "bytes that are no UTF-8": (b'{"NAME": "\xff"}', 400),
    "an encoded surrogate": (b'{"NAME": "\xed\xa0\x80"}', 400),
    "a byte order mark": (b'\xef\xbb\xbf{"NAME": "x"}', 400),
    "UTF-16": ('{"NAME": "x"}'.encode("utf-16"), 400),
    "half an object": (b'{"NAME": ', 400),
    "two objects": (b'{"NAME": "x"}{}', 400),
    "a list": (b'["NAME"]', 400),
    "a text": (b'"NAME"', 400),
    "nothing": (b"null", 400),
    "not a number": (b"NaN", 400),
    "a name twice": (b'{"NAME": "x", "NAME": "x"}', 400),
    "deep nesting": (b'{"NAME": ' + b"[" * 4000, 400),
    "deeper objects": (b'{"NAME":' * 150, 400),
    "a number of 4000 digits": (b'{"NAME": ' + b"9" * 4000 + b"}", 400),
    "another name": (b'{"NAME": "x", "token": "x"}', 400),
    "a number": (b'{"NAME": 1}', 400),
    "no value": (b'{"NAME": null}', 400),
    "5000 spaces": (b" " * 5000, 413),
    "a megabyte": (b'{"NAME": "' + b"x" * 1_000_000 + b'"}', 413),
}


@pytest.mark.case(77)
@pytest.mark.parametrize(("path", "name"), [(RENEW, b"refresh_token"), (REDEEM, b"code")])
async def test_a_body_that_cannot_be_read_is_refused_and_changes_nothing(
    by_code: Product, path: str, name: bytes
) -> None:
    browser = by_code.browser()
    await browser.sign_in()
    before = by_code.store.committed.copy()
    for what, (body, status) in UNREADABLE.items():
        answer = await browser.post(
            path,
            content=body.replace(b"NAME", name),
            headers={"Content-Type": "application/json", **OUR_PAGE},
        )
        assert answer.status_code == status, what
        assert answer.headers["content-type"] == "application/problem+json", what
        assert answer.json()["status"] == status, what

    assert by_code.store.committed == before


@pytest.mark.case(77)
@pytest.mark.parametrize(
    "media_type",
    [
        None,
        "",
        "text/json",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonp",
        "application/problem+json",
        "application/*",
        "json",
    ],
)
async def test_another_media_type_is_refused(by_code: Product, media_type: str | None) -> None:
    client = by_code.browser()
    headers = {} if media_type is None else {"Content-Type": media_type}
    for path in (RENEW, REDEEM):
        answer = await client.post(path, content=b'{"code": "x"}', headers=headers)
        assert answer.status_code == 415


@pytest.mark.case(77)
@pytest.mark.parametrize(
    "media_type", ["application/json", "Application/JSON", "application/json; charset=utf-8"]
)
async def test_json_is_read_however_its_type_is_written(product: Product, media_type: str) -> None:
    refresh = value_in((await product.sign_in()).browser, REFRESH_COOKIE)
    answer = await product.browser().post(
        RENEW,
        content=f'{{"refresh_token": "{refresh}"}}'.encode(),
        headers={"Content-Type": media_type},
    )

    assert answer.status_code == 200


class Endless:
    """A body that goes on and on, and counts how much of it was read."""

    def __init__(self, *, chunk: bytes) -> None:
        self.chunks = 0
        self._chunk = chunk

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self.chunks += 1
            yield self._chunk


@pytest.mark.case(77)
@pytest.mark.parametrize("path", [RENEW, REDEEM])
async def test_a_body_without_end_is_not_read_to_its_end(by_code: Product, path: str) -> None:
    body = Endless(chunk=b" " * 1024)
    answer = await by_code.browser().post(
        path, content=aiter(body), headers={"Content-Type": "application/json"}
    )

    assert answer.status_code == 413
    assert body.chunks <= 6


@pytest.mark.case(77)
@pytest.mark.parametrize("path", [RENEW, REDEEM])
async def test_a_body_that_does_not_come_is_not_waited_for(
    by_code: Product, path: str, mocker: MockerFixture
) -> None:
    assert bounded_body._DEADLINE_SECONDS <= 10
    mocker.patch.object(bounded_body, "_DEADLINE_SECONDS", 0.05)

    async def stalled() -> AsyncIterator[bytes]:
        yield b"{"
        await anyio.sleep_forever()

    answer = await by_code.browser().post(
        path, content=stalled(), headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (408, "request_timeout")


@pytest.mark.case(77)
async def test_a_client_that_leaves_in_mid_body_is_no_fault_of_ours(
    by_code: Product,
) -> None:
    came: list[dict[str, Any]] = [
        {"type": "http.request", "body": b"{", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> dict[str, Any]:
        return came.pop(0)

    async def send(message: Any) -> None:
        """Nobody listens."""

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": RENEW,
        "raw_path": RENEW.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"content-type", b"application/json")],
        "client": ("203.0.113.7", 50_000),
        "server": ("localhost", 8000),
        "state": {},
    }
    await by_code.app(scope, receive, send)

    assert not [line for line in by_code.logged if line["level"] == "error"]


# Case 79: a user whom an operator has disabled.


async def set_active(product: Product, user_id: UserId, *, is_active: bool) -> None:
    container = product.container
    if is_active:
        enable = EnableUserCommand(user_id=user_id, reason="lost_device")
        await container.enable_user().execute(enable)
    else:
        disable = DisableUserCommand(user_id=user_id, reason="lost_device")
        await container.disable_user().execute(disable)


@pytest.mark.case(79)
async def test_a_disabled_user_is_out_at_the_next_request_and_not_let_in_again(
    by_cookie: Product,
) -> None:
    browser = await signed_in_by_cookie(by_cookie)
    token = value_in(browser, SESSION_COOKIE)
    (session,) = by_cookie.sessions
    client = by_cookie.browser()
    for path in ("/api/v1/session", VERIFY_PATH):
        assert (await client.get(path, headers=bearer(token))).status_code == 200

    await set_active(by_cookie, session.user_id, is_active=False)

    for path in ("/api/v1/session", "/api/v1/sessions", "/api/v1/user", VERIFY_PATH):
        unauthorized(await client.get(path, headers=bearer(token)), path)
        unauthorized(await browser.get(path), path)
    renewed = await browser.post(RENEW, headers=OUR_PAGE)
    assert (renewed.status_code, renewed.json()["code"]) == (401, "session_ended")
    again = await browser.attempt()
    assert again.headers["location"].endswith("/va-error?error=account_disabled")
    assert len(by_cookie.sessions) == 1
    revocation = by_cookie.sessions[0].revocation
    assert revocation is not None
    assert (revocation.by, revocation.reason) == (RevokedBy.OPERATOR, "lost_device")

    await set_active(by_cookie, session.user_id, is_active=True)
    assert (await (await signed_in_by_cookie(by_cookie)).get("/api/v1/user")).status_code == 200
    unauthorized(await client.get("/api/v1/session", headers=bearer(token)), "the old one")


# Seeing where one is signed in.


async def test_a_user_sees_their_own_live_sessions_and_which_is_this_one(product: Product) -> None:
    await product.sign_in("janet-moore")
    gone = await product.sign_in()
    await gone.browser.delete("/api/v1/session", headers=gone.headers)
    product.clock.advance(SECOND)
    there = await product.sign_in()
    product.clock.advance(SECOND)
    here = await product.sign_in()
    listed = (await here.browser.get("/api/v1/sessions", headers=here.headers)).json()["sessions"]

    assert [each["session_id"] for each in listed] == [
        await session_id_of(here),
        await session_id_of(there),
    ]
    assert [each["current"] for each in listed] == [True, False]
    assert {frozenset(each) for each in listed} == {
        frozenset(
            {
                "session_id",
                "device",
                "front_end",
                "issued_at",
                "renewed_at",
                "expires_at",
                "current",
            }
        )
    }


FIREFOX: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
SAFARI: Final = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
)


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        (FIREFOX, "Firefox on Linux"),
        (SAFARI, "Mobile Safari on iPhone"),
        ("", "Unknown device"),
        ("<script>alert(1)</script>", "Unknown device"),
        ("\x1b[31m\x00", "Unknown device"),
    ],
)
async def test_a_device_is_named_in_plain_words_and_never_in_the_clients(
    product: Product, user_agent: str, device: str
) -> None:
    browser = product.browser()
    browser.http.headers["User-Agent"] = user_agent
    signed_in = await browser.sign_in()
    answer = await browser.get("/api/v1/sessions", headers=signed_in.headers)

    assert [each["device"] for each in answer.json()["sessions"]] == [device]


# Cases 64 to 66 again, for tokens that were verified before.


def memory_of(product: Product) -> dict[bytes, Any]:
    tokens = product.container.session_tokens()
    assert isinstance(tokens, JWTSessionTokens)
    return tokens._verified


async def shows(browser: Browser, token: str) -> int:
    return (await browser.get("/api/v1/session", headers=bearer(token))).status_code


@pytest.mark.case(64)
async def test_a_token_that_is_remembered_is_refused_once_its_session_is_revoked(
    product: Product,
) -> None:
    signed_in = await product.sign_in()
    for _ in range(2):
        assert await shows(signed_in.browser, signed_in.token) == 200
    assert len(memory_of(product)) == 1
    (session,) = product.sessions
    await set_active(product, session.user_id, is_active=False)

    assert await shows(signed_in.browser, signed_in.token) == 401


@pytest.mark.case(65)
async def test_a_token_that_is_remembered_is_refused_once_it_has_expired(
    product: Product,
) -> None:
    signed_in = await product.sign_in()
    product.clock.advance(LIMITS.token - SECOND)
    assert await shows(signed_in.browser, signed_in.token) == 200
    assert len(memory_of(product)) == 1
    # The session goes on, but not by this token.
    renewed = await signed_in.browser.post(RENEW, headers=OUR_PAGE)
    product.clock.advance(SECOND)

    assert await shows(signed_in.browser, renewed.json()["token"]) == 200
    assert await shows(signed_in.browser, signed_in.token) == 401


@pytest.mark.case(63)
async def test_a_token_that_is_remembered_is_refused_once_its_row_is_gone(
    product: Product,
) -> None:
    signed_in = await product.sign_in()
    assert await shows(signed_in.browser, signed_in.token) == 200
    product.store.committed.sessions.clear()

    assert await shows(signed_in.browser, signed_in.token) == 401


@pytest.mark.case(62)
async def test_a_refused_token_is_never_remembered(product: Product) -> None:
    now, key = product.clock.now(), key_of(product)

    def token(**changes: object) -> str:
        said = session_claims(user_id=uuid4(), session_id=uuid4(), now=now, **changes)
        return signed(said, key)

    seconds = int(now.timestamp())
    refused = [
        "x",
        token(iss="another"),
        token(aud="another"),
        token(exp=seconds),
        token(iat=seconds + 3600),
        token(sub="x"),
        signed({}, key),
        token()[:-1],
        signed(session_claims(user_id=uuid4(), session_id=uuid4(), now=now), b"another key"),
    ]
    client = product.browser()
    for _ in range(2):
        for each in refused:
            assert await shows(client, each) == 401
    assert memory_of(product) == {}


@pytest.mark.case(66)
async def test_a_token_of_a_retired_key_is_remembered_by_nobody(product: Product) -> None:
    signed_in = await product.sign_in()
    assert await shows(signed_in.browser, signed_in.token) == 200
    async with running_product() as restarted:
        restarted.store.committed = product.store.committed

        assert await shows(restarted.browser(), signed_in.token) == 401
        assert memory_of(restarted) == {}


async def test_what_is_remembered_of_tokens_is_bounded_and_what_is_forgotten_still_holds() -> None:
    async with running_product(jwt_cache_size=3) as product:
        several = [await product.sign_in() for _ in range(8)]
        for _ in range(2):
            for signed_in in several:
                assert await shows(signed_in.browser, signed_in.token) == 200
                assert len(memory_of(product)) <= 3


async def test_an_operator_can_have_nothing_remembered() -> None:
    async with running_product(jwt_cache_size=0) as product:
        signed_in = await product.sign_in()
        for _ in range(2):
            assert await shows(signed_in.browser, signed_in.token) == 200
        assert memory_of(product) == {}


async def test_what_is_remembered_of_a_token_is_not_the_token(product: Product) -> None:
    signed_in = await product.sign_in()
    assert await shows(signed_in.browser, signed_in.token) == 200

    assert signed_in.token not in repr(memory_of(product))


async def test_a_bug_on_the_hot_path_is_answered_and_logged_as_any_other(
    product: Product, mocker: MockerFixture
) -> None:
    signed_in = await product.sign_in()
    mocker.patch.object(
        type(product.container.session_lookup()), "find", side_effect=RuntimeError("canary")
    )
    for path in ("/api/v1/session", VERIFY_PATH):
        answer = await signed_in.browser.get(path, headers=signed_in.headers)
        assert answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["cache-control"] == "no-store"
        assert "canary" not in answer.text
        assert not [name for name in answer.headers if name.startswith("x-auth-")]

    bugs = [line for line in product.logged if line["event"] == "unhandled_error"]
    assert [bug["error"] for bug in bugs] == ["RuntimeError"] * 2
    assert "canary" not in str(product.logged)
