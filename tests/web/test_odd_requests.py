"""Requests that nobody means to make, and what must not come of them."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support.product import SERVICE_URL, Product, running_product, serving

JSON = {"Content-Type": "application/json", "Origin": SERVICE_URL}
RENEW, REDEEM = "/api/v1/session/renew", "/api/v1/session/redeem"


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    async with running_product() as product:
        yield product


async def test_a_session_without_its_id_is_not_all_sessions(product: Product) -> None:
    signed_in = await product.sign_in()

    answer = await signed_in.browser.delete("/api/v1/sessions/", headers=signed_in.headers)

    assert answer.status_code == 404
    shown = await signed_in.browser.get("/api/v1/session", headers=signed_in.headers)
    assert shown.status_code == 200


@pytest.mark.case(77)
@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/v1/session", "DELETE, GET"),
        ("/api/v1/sessions", "DELETE, GET"),
        ("/api/v1/verify", "GET"),
        ("/api/v1/va/login", "GET"),
        ("/api/v1/session/renew", "POST"),
        ("/healthz", "GET, HEAD"),
    ],
)
async def test_a_wrong_method_is_told_every_right_one(
    product: Product, path: str, allowed: str
) -> None:
    answer = await product.browser().http.put(path)

    assert answer.status_code == 405
    assert answer.headers["allow"] == allowed
    assert answer.json()["code"] == "method_not_allowed"


@pytest.mark.case(77)
@pytest.mark.parametrize(
    "text", [r"\ud800", r"\u0000", r"\n", r"\u00e9"], ids=["half", "nul", "newline", "letter"]
)
@pytest.mark.parametrize(("path", "field"), [(RENEW, "refresh_token"), (REDEEM, "code")])
async def test_text_that_is_none_of_ours_is_refused(
    product: Product, path: str, field: str, text: str
) -> None:
    browser = product.browser()
    browser.http.cookies.set("vetassist_handoff", "x")

    answer = await browser.post(path, content=f'{{"{field}": "{text}"}}', headers=JSON)

    assert answer.status_code == 400
    assert answer.json()["code"] == "bad_request"


@pytest.mark.case(77)
@pytest.mark.parametrize(("path", "field"), [(RENEW, "refresh_token"), (REDEEM, "code")])
async def test_nothing_is_not_taken_for_text(product: Product, path: str, field: str) -> None:
    answer = await product.browser().post(path, content=f'{{"{field}": null}}', headers=JSON)

    assert answer.status_code == 400


@pytest.mark.case(77)
@pytest.mark.parametrize(("path", "field"), [(RENEW, "refresh_token"), (REDEEM, "code")])
async def test_a_name_that_appears_twice_is_refused(
    product: Product, path: str, field: str
) -> None:
    twice = f'{{"{field}": "a", "{field}": "a"}}'
    browser = product.browser()
    browser.http.cookies.set("vetassist_handoff", "x")
    answers = [
        await browser.post(path, content=content, headers=JSON)
        for content in (twice, f'{{"{field}": "a"}}')
    ]

    assert [answer.status_code for answer in answers] == [400, 401]


async def test_a_code_does_not_change_with_the_version_of_python(product: Product) -> None:
    answer = await product.browser().post(RENEW, content=b" " * 5000, headers=JSON)

    assert answer.json()["code"] == "content_too_large"


async def test_a_long_body_is_not_taken_for_a_long_head(product: Product) -> None:
    async with (
        serving(product.app) as (url, _),
        httpx.AsyncClient(base_url=url, trust_env=False) as http,
    ):
        body = await http.post(RENEW, content=b" " * 200_000, headers=JSON)
        head = await http.get("/healthz", headers={"X-Long": "x" * 65_500})
        after = await http.get("/healthz")

    assert (body.status_code, head.status_code, after.status_code) == (413, 400, 200)
