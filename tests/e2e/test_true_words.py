"""What the pages say of a session: only what the service has just answered."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Page, expect

from tests.e2e.test_accessibility import assert_no_violation
from tests.support.browsing import (
    TOKEN_SHAPED,
    Product,
    a_session,
    answer_with,
    pretend_signed_in,
    signed_in,
    stored_token,
)

NEXT_TOKEN = "e30.e30.bmV4dA"
RENEWED = {"session_id": "a-session", "token": NEXT_TOKEN}
#: A token that ends long before its session.
BRIEF = timedelta(minutes=5)

pytestmark = pytest.mark.browser


async def open_page(page: Page, product: Product, path: str = "/va-success") -> None:
    await page.goto(f"{product.url}{path}?token={TOKEN_SHAPED}&expires=soon")
    await expect(page.get_by_role("heading", name="You are signed in")).to_be_visible()


async def test_signing_out_everywhere_with_an_expired_token_is_done_and_not_just_said(
    page: Page, product: Product
) -> None:
    """The service takes only a valid token for that, so the page renews first."""
    ended: list[str] = []
    await pretend_signed_in(page)
    await open_page(page, product)
    await page.unroute("**/api/v1/sessions")
    await page.route("**/api/v1/session/renew", answer_with(200, RENEWED))
    await page.route("**/api/v1/sessions", answer_with(204))
    await page.route("**/api/v1/sessions", answer_with(401), times=1)
    page.on(
        "request",
        lambda call: (
            ended.append(call.headers["authorization"]) if call.method == "DELETE" else None
        ),
    )

    await page.get_by_role("button", name="Sign out everywhere").click()

    await expect(page.get_by_text("on all other devices.")).to_be_visible()
    assert ended == [f"Bearer {TOKEN_SHAPED}", f"Bearer {NEXT_TOKEN}"]


async def test_nobody_is_told_that_other_devices_are_signed_out_if_they_are_not(
    page: Page, product: Product
) -> None:
    await pretend_signed_in(page)
    await open_page(page, product)
    await page.unroute("**/api/v1/sessions")
    await page.route("**/api/v1/sessions", answer_with(401))
    await page.route("**/api/v1/session/renew", answer_with(401))

    await page.get_by_role("button", name="Sign out everywhere").click()

    await expect(page.get_by_role("heading", name="You are not signed in")).to_be_focused()
    await expect(page.get_by_text("on all other devices")).to_be_hidden()


async def test_a_page_that_comes_into_view_again_finds_out_that_its_session_has_ended(
    page: Page, product: Product
) -> None:
    await pretend_signed_in(page)
    await open_page(page, product)
    in_view = "document.dispatchEvent(new Event('visibilitychange'))"
    async with page.expect_response("**/api/v1/session"):
        await page.evaluate(in_view)
    await expect(page.get_by_role("heading", name="You are signed in")).to_be_visible()

    await page.unroute("**/api/v1/session")
    await page.route("**/api/v1/session", answer_with(401))
    await page.evaluate(in_view)

    await expect(page.get_by_role("heading", name="You are not signed in")).to_be_visible()
    assert await stored_token(page) is None


async def pretend_lapsed(page: Page, product: Product) -> None:
    """The page's token has expired, and nothing says that the session has."""
    start = datetime.now(UTC)
    await page.clock.install(time=start)
    await pretend_signed_in(page)
    session = a_session(ends_in=BRIEF)
    session["idle_expires_at"] = a_session()["expires_at"]
    await page.unroute("**/api/v1/session")
    await page.route("**/api/v1/session", answer_with(200, session))
    await open_page(page, product)
    await page.clock.pause_at(start + BRIEF - timedelta(seconds=60))
    await expect(page.get_by_role("alertdialog")).to_contain_text(
        re.compile(r"This page will stop showing your account at \d+:\d\d")
    )
    await page.unroute("**/api/v1/session")
    await page.route("**/api/v1/session", answer_with(401))
    await page.clock.fast_forward("01:10")
    await expect(page.get_by_role("heading", name="Do you want to continue?")).to_be_focused()
    assert "Given" not in await page.content()


async def test_a_token_whose_time_is_up_does_not_mean_that_the_session_has_ended(
    page: Page, product: Product
) -> None:
    await pretend_lapsed(page, product)
    await page.clock.resume()  # axe-core waits by the clock, too
    await assert_no_violation(page)
    await page.unroute("**/api/v1/session")
    await page.route("**/api/v1/session", answer_with(200, a_session()))
    await page.route("**/api/v1/session", answer_with(401), times=1)
    await page.route("**/api/v1/session/renew", answer_with(200, RENEWED))

    await page.get_by_role("button", name="Continue").click()

    await expect(page.get_by_role("heading", name="You are signed in")).to_be_visible()
    assert await stored_token(page) == NEXT_TOKEN


async def test_a_sign_out_then_that_fails_is_not_shown_as_done(
    page: Page, product: Product
) -> None:
    await pretend_lapsed(page, product)
    await page.unroute("**/api/v1/session")
    await page.route("**/api/v1/session", answer_with(503), times=1)
    await page.get_by_role("button", name="Sign out", exact=True).click()
    await expect(page.get_by_text("know whether you are signed in")).to_be_visible()
    assert await stored_token(page) == TOKEN_SHAPED


async def test_whoever_does_not_continue_is_signed_out_by_the_expired_token(
    page: Page, product: Product
) -> None:
    await pretend_lapsed(page, product)
    await page.unroute("**/api/v1/session")
    await page.route("**/api/v1/session", answer_with(204))

    async with page.expect_request(lambda call: call.method == "DELETE") as asked:
        await page.get_by_role("button", name="Sign out", exact=True).click()

    assert (await asked.value).headers["authorization"] == f"Bearer {TOKEN_SHAPED}"
    await expect(page.get_by_role("heading", name="You are signed out")).to_be_focused()
    assert await stored_token(page) is None


async def test_a_tab_that_lost_its_token_still_signs_out(page: Page, product: Product) -> None:
    """By its refresh cookie, against the running service."""
    await signed_in(page, product)
    await page.evaluate("sessionStorage.clear()")

    await page.get_by_role("button", name="Sign out", exact=True).click()

    await expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    # The note of the sign-in stays. It only lets the service start a sign-in again.
    names = [cookie["name"] for cookie in await page.context.cookies()]
    assert all(name.startswith("vetassist_began_") for name in names)
    await page.goto(f"{product.url}/va-success")
    await expect(page.get_by_role("heading", name="You are not signed in")).to_be_visible()
