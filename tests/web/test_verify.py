"""What a proxy gets to hear about the requests of its clients."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support.product import FRONT_END_URL, SERVICE_URL, Product, running_product

VERIFY = "/api/v1/verify"
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    async with running_product() as product:
        yield product


@pytest.fixture
async def with_cookie() -> AsyncIterator[httpx.AsyncClient]:
    """A browser whose cookie vouches for what it does."""
    async with running_product(session_delivery="cookie") as product:
        browser = product.browser()
        await browser.get(await browser.begin())
        yield browser.http


@pytest.mark.parametrize("method", METHODS)
async def test_envoy_may_ask_by_the_method_and_the_path_of_its_client(
    product: Product, method: str
) -> None:
    signed_in = await product.sign_in()
    http = product.browser().http
    (session,) = product.sessions

    for path in (
        "",
        "records",
        "records/7/",
        "a%2Fb",
        "%2e%2e/session",
        "x?page=2",
        "session",
        "a%0Ab",
    ):
        let_in = await http.request(method, f"{VERIFY}/{path}", headers=signed_in.headers)
        refused = await http.request(method, f"{VERIFY}/{path}")

        assert let_in.status_code == 200, path
        assert let_in.content == b""
        assert let_in.headers["x-auth-user"] == str(session.user_id)
        assert let_in.headers["x-auth-session"] == str(session.id)
        assert refused.status_code == 401, path
        assert "x-auth-user" not in refused.headers


async def test_asking_about_a_deletion_deletes_nothing(product: Product) -> None:
    signed_in = await product.sign_in()

    await product.browser().delete(f"{VERIFY}/api/v1/session", headers=signed_in.headers)

    shown = await signed_in.browser.get("/api/v1/session", headers=signed_in.headers)
    assert shown.status_code == 200


async def test_a_token_in_the_path_or_its_query_is_none(product: Product) -> None:
    token = (await product.sign_in()).token

    for path in (f"{VERIFY}?token={token}", f"{VERIFY}/x?token={token}", f"{VERIFY}/{token}"):
        assert (await product.browser().get(path)).status_code == 401


@pytest.mark.parametrize("path", [VERIFY, f"{VERIFY}/records"])
async def test_a_preflight_lets_nobody_through(product: Product, path: str) -> None:
    preflight = {"Origin": FRONT_END_URL, "Access-Control-Request-Method": "GET"}
    http = product.browser().http

    elsewhere = await http.options("/api/v1/session", headers=preflight)
    asked = await http.options(path, headers=preflight)

    assert elsewhere.status_code == 200
    assert asked.status_code in {401, 405}
    assert not any(name.startswith("access-control-") for name in asked.headers)


@pytest.mark.parametrize("name", ["X-Forwarded-Method", "X-Original-Method"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "get", "PROPFIND", ""])
async def test_a_cookie_vouches_for_an_unsafe_request_only_from_our_own_pages(
    with_cookie: httpx.AsyncClient, name: str, method: str
) -> None:
    asked = {name: method}

    statuses = {
        what: (await with_cookie.get(VERIFY, headers=asked | headers)).status_code
        for what, headers in {
            "nothing": {},
            "our origin": {"Origin": SERVICE_URL},
            "our front end": {"Origin": FRONT_END_URL},
            "our site": {"Sec-Fetch-Site": "same-origin"},
            "elsewhere": {"Origin": "https://elsewhere.example"},
            "nowhere": {"Origin": "null"},
            "another site": {"Origin": SERVICE_URL, "Sec-Fetch-Site": "cross-site"},
            "our origin, by a proxy that sends every field": {
                "Authorization": "",
                "Origin": SERVICE_URL,
                "Sec-Fetch-Site": "",
            },
            "nothing, by such a proxy": {"Authorization": "", "Origin": "", "Sec-Fetch-Site": ""},
        }.items()
    }

    assert statuses == {
        "nothing": 403,
        "our origin": 200,
        "our front end": 200,
        "our site": 200,
        "elsewhere": 403,
        "nowhere": 403,
        "another site": 403,
        "our origin, by a proxy that sends every field": 200,
        "nothing, by such a proxy": 403,
    }


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_a_cookie_vouches_for_a_safe_request_from_anywhere(
    with_cookie: httpx.AsyncClient, method: str
) -> None:
    headers = {"X-Forwarded-Method": method, "Origin": "https://elsewhere.example"}

    assert (await with_cookie.get(VERIFY, headers=headers)).status_code == 200


async def test_a_forwarded_method_makes_no_unsafe_request_safe(
    with_cookie: httpx.AsyncClient,
) -> None:
    beside_post = await with_cookie.post(f"{VERIFY}/x", headers={"X-Forwarded-Method": "GET"})
    beside_another = await with_cookie.get(
        VERIFY, headers=[("X-Forwarded-Method", "GET"), ("X-Forwarded-Method", "POST")]
    )
    beside_the_other = await with_cookie.get(
        VERIFY, headers={"X-Forwarded-Method": "GET", "X-Original-Method": "POST"}
    )

    assert beside_post.status_code == 403
    assert beside_another.status_code == 403
    assert beside_the_other.status_code == 403


async def test_a_bearer_token_vouches_for_any_method_from_anywhere(product: Product) -> None:
    signed_in = await product.sign_in()
    headers = signed_in.headers | {
        "X-Forwarded-Method": "POST",
        "Origin": "https://elsewhere.example",
        "Sec-Fetch-Site": "cross-site",
    }

    assert (await product.browser().get(VERIFY, headers=headers)).status_code == 200
