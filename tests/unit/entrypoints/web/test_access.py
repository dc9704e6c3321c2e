"""Which routes need a session, and that nothing but a standing one opens them."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import jwt
import pytest
from starlette.routing import Route

from domain.front_end import SETTINGS_FRONT_END
from tests.support.forgery import session_claims, signed
from tests.support.product import SERVICE_URL, Product, running_product

API = "/api/"
#: Of the API, what another credential opens than the session's JWT, or none.
OPEN = {
    "/api/v1/va/login",
    "/api/v1/va/callback",
    "/api/v1/session/redeem",
    "/api/v1/session/renew",
}
#: What ends a session also for a JWT that has expired.
SIGN_OUT = ("DELETE", "/api/v1/session")
SOME_ID = UUID("0b9d6f2e-4c1a-4e37-9b7d-5f6a7b8c9d0e")


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    async with running_product(frontend_url=SERVICE_URL) as product:
        yield product


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def a_token(product: Product, veteran: str = "tamara-ellis") -> str:
    return (await product.sign_in(veteran)).token


async def show(product: Product, token: str) -> httpx.Response:
    return await product.browser().get("/api/v1/session", headers=bearer(token))


def guarded(product: Product) -> list[tuple[str, str]]:
    """Every method and path that need a session: the API, less what is known to be open."""
    return [
        (method, re.sub(r"{[^}]*}", str(SOME_ID), _at_the_settings_front_end(route.path)))
        for route in product.app.routes
        if isinstance(route, Route) and route.path.startswith(API) and route.path not in OPEN
        for method in sorted(route.methods or ())
    ]


def _at_the_settings_front_end(path: str) -> str:
    return path.replace("{front_end_id:str}", str(SETTINGS_FRONT_END))


async def refused_everywhere(
    product: Product, headers: dict[str, str], *, but_for: tuple[str, str] | None = None
) -> None:
    browser = product.browser()
    for method, path in guarded(product):
        if (method, path) == but_for:
            continue
        answer = await browser.http.request(method, path, headers=headers)
        where = f"{method} {path}"
        assert answer.status_code == 401, where
        assert answer.headers["www-authenticate"].startswith("Bearer "), where
        assert answer.headers["content-type"] == "application/problem+json", where
        if method != "HEAD":
            assert answer.json()["code"] == "invalid_token", where


def key_of(product: Product) -> bytes:
    return product.settings.jwt_secret.reveal().encode()


async def test_the_routes_that_need_a_session_are_found(product: Product) -> None:
    found = guarded(product)
    assert {
        ("GET", "/api/v1/session"),
        ("DELETE", "/api/v1/session"),
        ("DELETE", "/api/v1/sessions"),
        ("GET", "/api/v1/user"),
        ("GET", "/api/v1/verify"),
    } <= set(found)


@pytest.mark.case(72)
async def test_a_standing_session_opens_every_route(product: Product) -> None:
    browser = product.browser()
    for method, path in guarded(product):
        token = await a_token(product)
        answer = await browser.http.request(method, path, headers=bearer(token))
        assert answer.status_code in {200, 204, 404}, f"{method} {path}: {answer.text}"


@pytest.mark.case(72)
async def test_no_token_opens_nothing(product: Product) -> None:
    await refused_everywhere(product, {})


@pytest.mark.case(72)
@pytest.mark.parametrize(
    "token", ["x", "e30.e30.c2ln", "null", "undefined", "0", "true", "..", "A" * 500]
)
async def test_a_bad_token_opens_nothing(product: Product, token: str) -> None:
    await refused_everywhere(product, bearer(token))


@pytest.mark.case(72)
async def test_a_token_under_another_key_opens_nothing(product: Product) -> None:
    token = await a_token(product)
    said = jwt.decode(token, options={"verify_signature": False})
    await refused_everywhere(product, bearer(signed(said, b"a key that the service does not use")))


@pytest.mark.case(72)
async def test_a_genuine_token_without_a_session_opens_nothing(
    product: Product,
) -> None:
    said = session_claims(user_id=uuid4(), session_id=uuid4(), now=product.clock.now())
    await refused_everywhere(product, bearer(signed(said, key_of(product))))


@pytest.mark.case(72)
async def test_an_expired_session_opens_nothing(product: Product) -> None:
    token = await a_token(product)
    product.clock.advance(timedelta(minutes=30))
    await refused_everywhere(product, bearer(token), but_for=SIGN_OUT)


@pytest.mark.case(72)
@pytest.mark.parametrize("path", ["/api/v1/session", "/api/v1/sessions"])
async def test_a_revoked_session_opens_nothing(product: Product, path: str) -> None:
    token = await a_token(product)
    browser = product.browser()
    assert (await browser.delete(path, headers=bearer(token))).status_code == 204
    await refused_everywhere(product, bearer(token), but_for=SIGN_OUT)


@pytest.mark.case(72)
async def test_another_users_session_opens_nothing(product: Product) -> None:
    mine, theirs = [
        jwt.decode(await a_token(product, veteran), options={"verify_signature": False})
        for veteran in ("tamara-ellis", "janet-moore")
    ]
    for crossed in ({**mine, "sub": theirs["sub"]}, {**mine, "sid": theirs["sid"]}):
        await refused_everywhere(product, bearer(signed(crossed, key_of(product))))


async def test_no_user_sees_or_ends_what_is_anothers(product: Product) -> None:
    mine, theirs = await a_token(product), await a_token(product, "janet-moore")
    browser = product.browser()
    users = [
        (await browser.get("/api/v1/user", headers=bearer(token))).json()["user_id"]
        for token in (mine, theirs)
    ]
    assert users[0] != users[1]
    await browser.delete("/api/v1/sessions", headers=bearer(mine))

    assert (await show(product, mine)).status_code == 401
    assert (await show(product, theirs)).status_code == 200


@pytest.mark.case(73)
@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", "http://localhost:8000"])
async def test_a_browsers_cookies_alone_open_nothing(product: Product, origin: str | None) -> None:
    # A session rides in the Authorization header, which no foreign page makes a browser send.
    token = await a_token(product)
    names = ("vetassist_session", "__Host-vetassist_session", "session", "token", "Authorization")
    headers = {"Cookie": "; ".join(f"{name}={token}" for name in names)}
    if origin is not None:
        headers["Origin"] = origin
    await refused_everywhere(product, headers)
    assert (await show(product, token)).status_code == 200


async def test_a_foreign_page_is_given_no_leave_to_call(product: Product) -> None:
    token = await a_token(product)
    headers = {
        "Origin": "https://evil.example",
        "Access-Control-Request-Method": "DELETE",
        "Access-Control-Request-Headers": "authorization",
    }
    browser = product.browser()
    asked = await browser.http.options("/api/v1/session", headers=headers)
    read = await browser.get("/api/v1/session", headers=headers | bearer(token))
    for answer in (asked, read):
        assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert asked.status_code == 405


@pytest.mark.parametrize(
    "path",
    [
        "/docs",
        "/redoc",
        "/metrics",
        "/debug",
        "/.env",
        "/.git/config",
        "/static/",
        "/server-status",
    ],
)
async def test_there_are_no_stray_pages(product: Product, path: str) -> None:
    browser = product.browser()
    assert (await browser.get(path)).status_code == 404
