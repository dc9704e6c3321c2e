"""Requests that a cookie vouches for: only our own front end's are done."""

import re
from collections.abc import AsyncIterator, Sequence
from typing import Final

import httpx
import pytest
from starlette.routing import Route

from domain.front_end import SETTINGS_FRONT_END
from entrypoints.web.session_endpoints import VERIFY_METHODS, VERIFY_PATH
from entrypoints.web.token_endpoint import TOKEN_PATH
from tests.security.cookies import OUR_PAGE, REDEEM, RENEW, signed_in_by_cookie, value_in
from tests.support.product import FRONT_END_URL, SERVICE_URL, Browser, Product, running_product

Headers = Sequence[tuple[str, str]]

EVIL: Final = "https://evil.example"
SAFE: Final = {"GET", "HEAD", "OPTIONS"}

FROM_ELSEWHERE: Final[dict[str, Headers]] = {
    "does not say": [],
    "another origin": [("Origin", EVIL)],
    "an opaque origin": [("Origin", "null")],
    "an empty origin": [("Origin", "")],
    "a port further": [("Origin", "http://localhost:3001")],
    "no port": [("Origin", "http://localhost")],
    "another scheme": [("Origin", "https://localhost:3000")],
    "a longer host": [("Origin", f"{FRONT_END_URL}.evil.example")],
    "a host below": [("Origin", "http://evil.localhost:3000")],
    "an origin with a path": [("Origin", f"{FRONT_END_URL}/")],
    "a list of origins": [("Origin", f"{FRONT_END_URL} {EVIL}")],
    "ours and another": [("Origin", FRONT_END_URL), ("Origin", EVIL)],
    "another and ours": [("Origin", EVIL), ("Origin", FRONT_END_URL)],
    "ours twice": [("Origin", FRONT_END_URL), ("Origin", FRONT_END_URL)],
    "only a referrer": [("Referer", f"{FRONT_END_URL}/va-success")],
    "cross-site": [("Sec-Fetch-Site", "cross-site")],
    "no page": [("Sec-Fetch-Site", "none")],
    "an unknown site": [("Sec-Fetch-Site", "same-planet")],
    "an empty site": [("Sec-Fetch-Site", "")],
    "a site in capitals": [("Sec-Fetch-Site", "SAME-ORIGIN")],
    "two sites": [("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "cross-site")],
    "cross-site, by its word ours": [("Sec-Fetch-Site", "cross-site"), ("Origin", FRONT_END_URL)],
    "same-site, from another origin": [("Sec-Fetch-Site", "same-site"), ("Origin", EVIL)],
    "same-origin, from another origin": [("Sec-Fetch-Site", "same-origin"), ("Origin", EVIL)],
    "same-origin, from an opaque origin": [("Sec-Fetch-Site", "same-origin"), ("Origin", "null")],
}
FROM_OUR_OWN: Final[dict[str, Headers]] = {
    "the front end": [("Origin", FRONT_END_URL)],
    "the front end, in capitals": [("Origin", FRONT_END_URL.upper())],
    "the front end, by a name that ends in a dot": [("Origin", "http://localhost.:3000")],
    "the service itself": [("Origin", SERVICE_URL)],
    "same-origin": [("Sec-Fetch-Site", "same-origin")],
    "same-site": [("Sec-Fetch-Site", "same-site")],
    "same-site, from the front end": [("Sec-Fetch-Site", "same-site"), ("Origin", FRONT_END_URL)],
}

from_our_own = pytest.mark.parametrize("headers", FROM_OUR_OWN.values(), ids=FROM_OUR_OWN.keys())


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    async with running_product(session_delivery="cookie") as product:
        yield product


@pytest.fixture
async def by_code() -> AsyncIterator[Product]:
    async with running_product(session_delivery="code") as product:
        yield product


def unsafe_routes(product: Product) -> list[tuple[str, str]]:
    """Every method and path that could change something, by a session's cookie.

    Where back ends get tokens no cookie is looked at.
    """
    own = str(product.sessions[0].id)
    return [
        (
            method,
            re.sub(
                r"{[^}]*}",
                own,
                route.path.replace("{front_end_id:str}", str(SETTINGS_FRONT_END)),
            ),
        )
        for route in product.app.routes
        if isinstance(route, Route) and route.path not in {REDEEM, TOKEN_PATH}
        for method in sorted((route.methods or set()) - SAFE)
    ]


async def ask(browser: Browser, method: str, path: str, headers: Headers) -> httpx.Response:
    return await browser.http.request(method, path, headers=list(headers))


async def test_the_unsafe_routes_are_found(product: Product) -> None:
    await signed_in_by_cookie(product)
    own = product.sessions[0].id

    assert set(unsafe_routes(product)) == {
        ("DELETE", "/api/v1/session"),
        ("DELETE", "/api/v1/sessions"),
        ("DELETE", f"/api/v1/sessions/{own}"),
        ("DELETE", "/api/v1/va/link"),
        ("POST", RENEW),
        *(
            (method, f"{path}/{own}")
            for method in set(VERIFY_METHODS) - SAFE
            for path in (VERIFY_PATH, f"/api/v1/front-ends/{SETTINGS_FRONT_END}/verify")
        ),
    }


@pytest.mark.case(73)
async def test_a_page_from_elsewhere_changes_nothing_by_a_cookie(
    product: Product,
) -> None:
    browser = await signed_in_by_cookie(product)
    before = product.store.committed.copy()
    for whence, headers in FROM_ELSEWHERE.items():
        for method, path in unsafe_routes(product):
            answer = await ask(browser, method, path, headers)
            where = f"{whence}: {method} {path}"
            assert answer.status_code == 403, where
            assert answer.headers["content-type"] == "application/problem+json", where
            assert answer.json()["code"] == "forbidden", where
            assert "set-cookie" not in answer.headers, where

    assert product.store.committed == before
    assert (await browser.get("/api/v1/session")).status_code == 200


@pytest.mark.case(73)
@from_our_own
async def test_a_page_of_our_own_does_it_all(product: Product, headers: Headers) -> None:
    await signed_in_by_cookie(product)
    for method, path in unsafe_routes(product):
        browser = await signed_in_by_cookie(product)
        answer = await ask(browser, method, path, headers)
        # The one session of the path may have been ended by the route before.
        assert answer.status_code in {200, 204}, f"{method} {path}"


@pytest.mark.case(73)
async def test_a_page_from_elsewhere_redeems_nothing(by_code: Product) -> None:
    browser = by_code.browser()
    code = (await browser.sign_in()).parameters["code"]
    before = by_code.store.committed.copy()
    for whence, headers in FROM_ELSEWHERE.items():
        answer = await browser.post(REDEEM, json={"code": code}, headers=list(headers))
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), whence

    assert by_code.store.committed == before
    answer = await browser.post(REDEEM, json={"code": code}, headers=OUR_PAGE)
    assert answer.status_code == 200


@pytest.mark.case(73)
@from_our_own
async def test_a_page_of_our_own_redeems(by_code: Product, headers: Headers) -> None:
    browser = by_code.browser()
    code = (await browser.sign_in()).parameters["code"]
    answer = await browser.post(REDEEM, json={"code": code}, headers=list(headers))

    assert answer.status_code == 200


@pytest.mark.case(73)
@pytest.mark.parametrize("delivery", ["query", "fragment"])
async def test_a_page_from_elsewhere_renews_nothing_in_any_delivery(
    delivery: str,
) -> None:
    async with running_product(session_delivery=delivery) as product:
        browser = (await product.sign_in()).browser
        before = product.store.committed.copy()
        for whence, headers in FROM_ELSEWHERE.items():
            assert (await ask(browser, "POST", RENEW, headers)).status_code == 403, whence

        assert product.store.committed == before


@pytest.mark.case(73)
@pytest.mark.parametrize("name", ["X-Forwarded-Method", "X-Original-Method"])
async def test_a_proxy_that_asks_about_an_unsafe_request_is_told_of_the_forgery(
    product: Product, name: str
) -> None:
    browser = await signed_in_by_cookie(product)
    for method in ("POST", "PUT", "PATCH", "DELETE", "TRACE", "post", "BREW", ""):
        asked = [(name, method)]
        for extra in ([], [("Origin", EVIL)], [("Sec-Fetch-Site", "cross-site")], [(name, "GET")]):
            answer = await ask(browser, "GET", VERIFY_PATH, [*asked, *extra])
            assert answer.status_code == 403, f"{method} {extra}"
            assert not [header for header in answer.headers if header.startswith("x-auth-")]
        ours = await ask(browser, "GET", VERIFY_PATH, [*asked, *OUR_PAGE.items()])
        assert ours.status_code == 200, method


@pytest.mark.case(73)
async def test_a_proxy_that_asks_about_a_safe_request_lets_it_through(
    product: Product,
) -> None:
    browser = await signed_in_by_cookie(product)

    for method in sorted(SAFE):
        headers = [("X-Forwarded-Method", method), ("Origin", EVIL)]
        assert (await ask(browser, "GET", VERIFY_PATH, headers)).status_code == 200


@pytest.mark.case(73)
async def test_what_needs_no_cookie_needs_no_origin(product: Product) -> None:
    browser = await signed_in_by_cookie(product)
    token = value_in(browser, "vetassist_session")
    refresh = value_in(browser, "vetassist_refresh")
    client = product.browser()

    renewed = await client.post(RENEW, json={"refresh_token": refresh})
    assert renewed.status_code == 200
    # No page can make a browser add this header.
    ended = await client.delete(
        "/api/v1/session", headers={"Authorization": f"Bearer {token}", "Origin": EVIL}
    )
    assert ended.status_code == 204


@pytest.mark.case(73)
async def test_a_forged_form_cannot_even_be_read(product: Product) -> None:
    """What a page can send without asking first: three media types, and no JSON."""
    browser = await signed_in_by_cookie(product)
    before = product.store.committed.copy()
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        for path in (RENEW, REDEEM):
            answer = await browser.post(
                path,
                content=b'{"code": "x"}',
                headers={"Content-Type": media_type, **OUR_PAGE},
            )
            assert answer.status_code == 415

    assert product.store.committed == before


async def test_reading_changes_nothing_whoever_asks(product: Product) -> None:
    browser = await signed_in_by_cookie(product)
    before = product.store.committed.copy()
    for path in ("/api/v1/session", "/api/v1/sessions", "/api/v1/user", VERIFY_PATH):
        answer = await ask(browser, "GET", path, [("Origin", EVIL)])
        assert answer.status_code == 200
        # It is done, but the page that asked is not let see it.
        assert "access-control-allow-origin" not in answer.headers

    assert product.store.committed == before
