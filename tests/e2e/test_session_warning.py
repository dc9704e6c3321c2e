"""The warning before a session ends: seen, heard, answered by keyboard, and known to every tab."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import BrowserContext, Locator, Page, expect

from tests.e2e.conftest import ProductFactory
from tests.support.browsing import (
    TOKEN_SHAPED,
    Product,
    a_session,
    answer_with,
    pretend_signed_in,
    signed_in,
    status_of_session,
    stored_token,
)
from tests.support.whole_product import WholeProduct

NEXT_TOKEN = "e30.e30.bmV4dA"
RENEWED = {"session_id": "a-session", "token": NEXT_TOKEN}
PAGES = ["/va-success", "/sessions"]
JUST_BEFORE_THE_END = timedelta(minutes=28, seconds=5)
LATER = timedelta(minutes=57, seconds=30)

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def brief_product(product_with: ProductFactory) -> Iterator[WholeProduct]:
    """A product whose sessions last a minute and warn from their first second."""
    with product_with(
        session_idle_minutes=1, jwt_expiry_minutes=1, session_warning_seconds=59
    ) as product:
        yield product


def warning(page: Page) -> Locator:
    return page.get_by_role("alertdialog")


async def come_to_the_warning(
    page: Page, product: Product, path: str = "/va-success", *, can_extend: bool = True
) -> None:
    """Signed in half an hour ago, with two minutes left; from now on, time stands still."""
    start = datetime.now(UTC)
    await page.clock.install(time=start)
    await pretend_signed_in(page, can_extend=can_extend)
    await page.goto(product.url + path)
    await expect(page.get_by_role("button", name="Sign out", exact=True)).to_be_visible()
    await page.clock.pause_at(start + JUST_BEFORE_THE_END)
    await expect(warning(page)).to_be_visible()


async def pretend_renewed(page: Page | BrowserContext, *, ends_in: timedelta) -> None:
    await page.route("**/api/v1/session/renew", answer_with(200, RENEWED))
    await page.unroute("**/api/v1/session")
    await page.route("**/api/v1/session", answer_with(200, a_session(ends_in=ends_in)))


async def test_a_person_stays_signed_in_by_keyboard_alone(
    page: Page, brief_product: WholeProduct
) -> None:
    await signed_in(page, brief_product)
    before = await stored_token(page)

    await expect(warning(page)).to_be_visible()
    stay = page.get_by_role("button", name="Stay signed in")
    sign_out = warning(page).get_by_role("button", name="Sign out")
    await expect(stay).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(sign_out).to_be_focused()
    await page.keyboard.press("Shift+Tab")
    await expect(stay).to_be_focused()
    await page.keyboard.press("Enter")

    await expect(page.locator("#announcement")).to_contain_text("You will stay signed in until")
    after = await stored_token(page)
    assert after is not None
    assert after != before
    assert await status_of_session(brief_product, after) == 200


async def test_a_person_signs_out_in_the_warning_by_keyboard_alone(
    page: Page, brief_product: WholeProduct
) -> None:
    await signed_in(page, brief_product)
    token = await stored_token(page)
    assert token is not None
    await expect(warning(page)).to_be_visible()

    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")

    await expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    await expect(warning(page)).to_be_hidden()
    assert await status_of_session(brief_product, token) == 401


@pytest.mark.parametrize("path", PAGES)
async def test_the_warning_is_named_described_and_keeps_the_focus(
    page: Page, product: Product, path: str
) -> None:
    await come_to_the_warning(page, product, path)

    await expect(warning(page)).to_have_accessible_name("Do you want to stay signed in?")
    await expect(warning(page)).to_have_accessible_description(
        # The time of day is that of the run.
        re.compile(r"You will be signed out at \d+:\d\d\s[AP]M E[SD]T\. .+ 1 min 5\d s left")
    )
    for _ in range(4):
        await page.keyboard.press("Tab")
        assert await page.evaluate(
            "document.activeElement === document.body || document.activeElement.closest('dialog')"
        )


async def test_the_warning_fits_on_a_small_phone(page: Page, product: Product) -> None:
    # Source: WCAG 2.2, success criterion 1.4.10.
    await page.set_viewport_size({"width": 320, "height": 640})
    await come_to_the_warning(page, product)

    box = await warning(page).bounding_box()

    assert box is not None
    assert min(box["x"], box["y"]) > 0
    assert box["x"] + box["width"] < 320
    assert box["y"] + box["height"] < 640
    assert await page.evaluate("document.documentElement.scrollWidth") == 320


async def test_nobody_is_warned_before_it_is_time(page: Page, product: Product) -> None:
    start = datetime.now(UTC)
    await page.clock.install(time=start)
    await pretend_signed_in(page)
    await page.goto(f"{product.url}/va-success")
    await expect(page.get_by_role("heading", name="You are signed in")).to_be_visible()

    await page.clock.pause_at(start + JUST_BEFORE_THE_END - timedelta(seconds=10))

    await expect(page.get_by_role("timer").first).to_contain_text("2 min 0")
    await expect(warning(page)).to_be_hidden()


async def test_staying_takes_the_warning_away_and_gives_the_focus_back(
    page: Page, product: Product
) -> None:
    start = datetime.now(UTC)
    await page.clock.install(time=start)
    await pretend_signed_in(page)
    await page.goto(f"{product.url}/va-success?token={TOKEN_SHAPED}&expires=soon")
    link = page.get_by_role("link", name="See where you are signed in")
    await link.focus()
    await page.clock.pause_at(start + JUST_BEFORE_THE_END)
    await expect(warning(page)).to_be_visible()
    await pretend_renewed(page, ends_in=LATER)

    await page.get_by_role("button", name="Stay signed in").click()

    await expect(warning(page)).to_be_hidden()
    await expect(link).to_be_focused()
    await expect(page.get_by_role("status")).to_contain_text("You will stay signed in until")
    await expect(page.get_by_role("timer").first).to_contain_text("29 min")
    assert await stored_token(page) == NEXT_TOKEN


@pytest.mark.parametrize("path", PAGES)
async def test_escape_decides_nothing_and_leaves_the_choice_on_the_page(
    page: Page, product: Product, path: str
) -> None:
    await come_to_the_warning(page, product, path)

    await page.keyboard.press("Escape")

    await expect(warning(page)).to_be_hidden()
    await expect(page.get_by_text("Your session ends in 1 min")).to_be_visible()
    await pretend_renewed(page, ends_in=LATER)
    await page.get_by_role("button", name="Stay signed in").click()
    await expect(page.get_by_text("Your session ends in 1 min")).to_be_hidden()
    await expect(page.get_by_role("status")).to_contain_text("You will stay signed in until")


async def test_a_session_that_cannot_be_extended_is_said_to_end(
    page: Page, product: Product
) -> None:
    await come_to_the_warning(page, product, can_extend=False)

    await expect(warning(page)).to_have_accessible_name("Your session ends soon")
    await expect(warning(page)).to_contain_text("has a time limit")
    await expect(page.get_by_role("button", name="Stay signed in")).to_have_count(0)
    await expect(page.get_by_role("button", name="OK")).to_be_focused()

    await page.keyboard.press("Enter")

    await expect(warning(page)).to_be_hidden()
    await expect(page.get_by_text("Your session ends in 1 min")).to_be_visible()
    await expect(page.get_by_role("button", name="Stay signed in")).to_have_count(0)


async def test_the_last_minute_is_announced_within_the_dialog(page: Page, product: Product) -> None:
    await come_to_the_warning(page, product)

    await page.clock.fast_forward("00:57")

    await expect(warning(page).get_by_role("status")).to_have_text("Your session ends in 1 minute.")


async def test_an_outage_leaves_the_warning_open_for_another_try(
    page: Page, product: Product
) -> None:
    await come_to_the_warning(page, product)
    await page.route("**/api/v1/session/renew", answer_with(503))

    await page.keyboard.press("Enter")

    await expect(page.get_by_role("alert")).to_contain_text("extend your session")
    await expect(page.get_by_role("button", name="Stay signed in")).to_be_focused()
    await pretend_renewed(page, ends_in=LATER)
    await page.keyboard.press("Enter")
    await expect(warning(page)).to_be_hidden()


async def test_a_session_that_has_ended_in_the_meantime_cannot_be_stayed_in(
    page: Page, product: Product
) -> None:
    await come_to_the_warning(page, product)
    await page.route("**/api/v1/session/renew", answer_with(401))

    await page.keyboard.press("Enter")

    await expect(page.get_by_role("heading", name="You are not signed in")).to_be_focused()
    await expect(warning(page)).to_be_hidden()


async def test_an_unanswered_warning_ends_with_the_session(page: Page, product: Product) -> None:
    await come_to_the_warning(page, product)
    await page.unroute("**/api/v1/session")
    await page.route("**/api/v1/session", answer_with(401))

    await page.clock.fast_forward("02:00")

    await expect(page.get_by_role("heading", name="You are not signed in")).to_be_focused()
    await expect(warning(page)).to_be_hidden()


async def test_a_renewal_elsewhere_that_nobody_told_of_prevents_the_warning(
    page: Page, product: Product
) -> None:
    start = datetime.now(UTC)
    await page.clock.install(time=start)
    await pretend_signed_in(page)
    await page.goto(f"{product.url}/va-success")
    await expect(page.get_by_role("heading", name="You are signed in")).to_be_visible()
    await page.unroute("**/api/v1/session")
    await page.route("**/api/v1/session", answer_with(200, a_session(ends_in=LATER)))

    async with page.expect_response("**/api/v1/user"):
        await page.clock.pause_at(start + JUST_BEFORE_THE_END)

    await expect(page.get_by_role("timer").first).to_contain_text("29 min")
    await expect(warning(page)).to_be_hidden()


async def test_what_one_tab_renews_no_other_tab_warns_about(page: Page, product: Product) -> None:
    context = page.context
    start = datetime.now(UTC)
    await context.clock.install(time=start)
    await pretend_signed_in(context)
    second = await context.new_page()
    for tab in (page, second):
        await tab.goto(f"{product.url}/va-success?token={TOKEN_SHAPED}&expires=soon")
        await expect(tab.get_by_role("heading", name="You are signed in")).to_be_visible()
    await context.clock.pause_at(start + JUST_BEFORE_THE_END)
    for tab in (page, second):
        await expect(warning(tab)).to_be_visible()
    await pretend_renewed(context, ends_in=LATER)

    await page.get_by_role("button", name="Stay signed in").click()

    for tab in (page, second):
        await expect(warning(tab)).to_be_hidden()
        assert await stored_token(tab) == NEXT_TOKEN
    await expect(second.get_by_role("timer").first).to_contain_text("29 min")


async def test_a_tab_of_another_session_keeps_its_own_token(page: Page, product: Product) -> None:
    await pretend_signed_in(page)
    await page.goto(f"{product.url}/va-success?token={TOKEN_SHAPED}&expires=soon")
    await expect(page.get_by_role("heading", name="You are signed in")).to_be_visible()
    second = await page.context.new_page()
    await second.goto(product.url)

    tell = "message => new BroadcastChannel('vetassist.session').postMessage(message)"
    foreign = {"event": "renewed", "sessionId": "another-session", "token": NEXT_TOKEN}
    await second.evaluate(tell, foreign)
    async with page.expect_response("**/api/v1/session"):
        await second.evaluate(tell, {"event": "ended", "sessionId": "a-session"})

    assert await stored_token(page) == TOKEN_SHAPED
