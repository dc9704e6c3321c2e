"""Every way of handing a session over, from the start page to the sign-out."""

from collections.abc import Iterator
from typing import Final

import pytest
from playwright.async_api import Browser, Page, Request, expect

from domain.front_end import SessionDelivery
from tests.e2e.conftest import ProductFactory
from tests.support.browsing import (
    TOKEN_SHAPED,
    Product,
    answer_with,
    pretend_signed_in,
    signed_in,
    status_of_session,
    stored_token,
    visitor,
)
from tests.support.whole_product import WholeProduct

pytestmark = pytest.mark.browser


#: Other tests sign in by query and by cookie, and a fragment is read by the same script as a query.
_DELIVERIES: Final = [
    pytest.param(each, marks=[] if each is SessionDelivery.CODE else [pytest.mark.long])
    for each in SessionDelivery
]


@pytest.fixture(scope="module", params=_DELIVERIES)
def delivery(request: pytest.FixtureRequest) -> SessionDelivery:
    """Each in turn."""
    method: SessionDelivery = request.param
    return method


@pytest.fixture(scope="module")
def delivering(
    delivery: SessionDelivery, product: WholeProduct, product_with: ProductFactory
) -> Iterator[WholeProduct]:
    """A product that delivers so."""
    if delivery is SessionDelivery.QUERY:
        yield product
        return
    with product_with(session_delivery=delivery.value) as started:
        yield started


async def test_a_session_is_delivered_shown_on_both_pages_renewed_and_ended(
    page: Page, delivery: SessionDelivery, delivering: WholeProduct
) -> None:
    is_by_cookie = delivery is SessionDelivery.COOKIE
    calls: list[Request] = []
    page.on("request", lambda request: calls.append(request) if "/api/" in request.url else None)

    await signed_in(page, delivering)
    await expect(page.get_by_text("Tamara Ellis", exact=True)).to_be_visible()
    # In `cookie` delivery the server renders the page, and its address holds no secret.
    assert page.url.partition("?expires=")[0] == f"{delivering.url}/va-success"
    token = await stored_token(page)
    assert (token is None) == is_by_cookie

    await page.get_by_role("link", name="See where you are signed in").click()
    await expect(page.get_by_role("heading", name="Where you are signed in")).to_be_visible()
    # A tab of its own, where nothing was handed over.
    second = await page.context.new_page()
    await second.goto(f"{delivering.url}/va-success")
    await expect(second.get_by_role("heading", name="You are signed in")).to_be_visible()
    await second.close()

    await page.get_by_role("button", name="Sign out", exact=True).click()
    await expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    assert token is None or await status_of_session(delivering, token) == 401
    await page.goto(f"{delivering.url}/sessions")
    await expect(page.get_by_role("heading", name="You are not signed in")).to_be_visible()

    assert await page.evaluate("document.cookie") == ""
    if is_by_cookie:
        assert not [call for call in calls if "authorization" in call.headers]
        assert await page.evaluate("sessionStorage.length + localStorage.length") == 0


async def test_a_code_is_redeemed_once_and_leaves_the_address(page: Page, product: Product) -> None:
    await pretend_signed_in(page)
    redeemed = {"session_id": "a-session", "token": TOKEN_SHAPED}
    await page.route("**/api/v1/session/redeem", answer_with(200, redeemed), times=1)

    async with page.expect_request("**/api/v1/session/redeem") as asked:
        await page.goto(f"{product.url}/va-success?code=one-time&return_to=/claims")

    request = await asked.value
    assert request.method == "POST"
    assert request.post_data_json == {"code": "one-time"}
    await expect(page.get_by_role("link", name="Continue to /claims")).to_be_visible()
    assert "one-time" not in page.url
    await page.reload()
    await expect(page.get_by_role("heading", name="You are signed in")).to_be_visible()


async def test_a_code_outlives_an_outage_and_is_not_shown_again_once_redeemed(
    page: Page, product: Product
) -> None:
    shown: list[Request] = []
    page.on("request", lambda call: shown.append(call) if call.url.endswith("/redeem") else None)
    await pretend_signed_in(page)
    redeemed = {"session_id": "a-session", "token": TOKEN_SHAPED}
    await page.route("**/api/v1/session/redeem", answer_with(200, redeemed))
    await page.route("**/api/v1/session/redeem", answer_with(503), times=1)
    await page.route("**/api/v1/session", answer_with(503), times=1)
    await page.goto(f"{product.url}/va-success?code=one-time")
    await expect(page.get_by_text("never signs you out")).to_be_visible()

    async with page.expect_response("**/api/v1/session"):
        await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_text("never signs you out")).to_be_visible()
    await page.get_by_role("button", name="Try again").click()

    await expect(page.get_by_role("heading", name="You are signed in")).to_be_visible()
    assert await stored_token(page) == TOKEN_SHAPED
    assert len(shown) == 2


async def test_a_code_that_is_refused_signs_nobody_in(page: Page, product: Product) -> None:
    await page.goto(f"{product.url}/va-success?code=made-up")

    await expect(page.get_by_role("heading", name="You are not signed in")).to_be_visible()
    assert await stored_token(page) is None


async def test_a_new_sign_in_by_code_never_falls_back_on_an_earlier_token(
    page: Page, product: Product
) -> None:
    await pretend_signed_in(page)
    await page.goto(f"{product.url}/va-success?token={TOKEN_SHAPED}&expires=soon")
    await expect(page.get_by_role("heading", name="You are signed in")).to_be_visible()
    await page.route("**/api/v1/session/redeem", answer_with(503))

    await page.goto(f"{product.url}/va-success?code=one-time")

    await expect(page.get_by_text("never signs you out")).to_be_visible()
    assert await stored_token(page) is None


async def test_a_browser_without_scripts_is_led_away_from_an_address_with_a_token(
    browser: Browser, product: Product
) -> None:
    async with visitor(browser, java_script_enabled=False) as context:
        page = await context.new_page()
        for place in ("?token=canary&expires=soon", "#token=canary", "?code=canary"):
            await page.goto(f"{product.url}/va-success{place}")
            needed = page.get_by_role("heading", name="This page needs JavaScript")
            await expect(needed).to_be_visible()
            assert page.url == f"{product.url}/scripts-needed"


async def test_a_lost_script_leaves_no_token_in_the_address_and_no_blank_page(
    page: Page, product: Product
) -> None:
    await page.route("**/static/*.js", lambda route: route.abort())
    for place in ("?token=canary&expires=soon", "#token=canary", "?code=canary"):
        # Otherwise, only the fragment would change, and nothing would be loaded.
        await page.goto("about:blank")
        await page.goto(f"{product.url}/va-success{place}")

        assert page.url == f"{product.url}/va-success"
        await expect(page.get_by_text("If this page stays like this, reload it.")).to_be_visible()
        assert "canary" not in await page.content()
