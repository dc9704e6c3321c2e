"""The whole product, walked through in a real browser."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.browsing import (
    TOKEN_SHAPED,
    Product,
    a_session,
    answer_with,
    pretend_signed_in,
    sign_in,
    status_of_session,
    stored_token,
)

pytestmark = pytest.mark.browser


async def test_a_veteran_signs_in_reads_who_they_are_and_signs_out(
    page: Page, product: Product
) -> None:
    await sign_in(page, product, person="Tamara E Ellis")

    await expect(page.get_by_role("heading", name="You are signed in")).to_be_visible()
    await expect(page.get_by_text("Tamara Ellis", exact=True)).to_be_visible()
    await expect(page.get_by_text("VA confirms that you are a Veteran.")).to_be_visible()
    await expect(page.get_by_role("timer")).to_contain_text("min")
    claims = page.get_by_role("table", name="What your session token says")
    await expect(claims.get_by_role("row", name="va_icn")).to_contain_text("1012667145V762142")
    for claim in ("sub", "iss", "aud", "iat", "exp", "jti", "sid", "va_linked"):
        await expect(claims.get_by_role("rowheader", name=claim, exact=True)).to_be_visible()

    assert page.url == f"{product.url}/va-success"
    token = await stored_token(page)
    assert token is not None
    assert await status_of_session(product, token) == 200

    await page.get_by_role("button", name="Sign out", exact=True).click()

    await expect(page.get_by_role("heading", name="You are signed out")).to_be_focused()
    await expect(page.get_by_role("link", name="Sign in again")).to_be_visible()
    assert "Tamara" not in await page.content()
    assert await stored_token(page) is None
    assert await status_of_session(product, token) == 401


async def test_a_reload_keeps_the_session_on_the_page(page: Page, product: Product) -> None:
    await sign_in(page, product, person="Janet L Moore")
    await expect(page.get_by_text("Janet Moore", exact=True)).to_be_visible()

    await page.reload()

    await expect(page.get_by_text("Janet Moore", exact=True)).to_be_visible()


async def test_signing_out_everywhere_ends_the_session_of_another_browser_too(
    page: Page, browser: Browser, product: Product
) -> None:
    await sign_in(page, product, person="Ralph E Lee")
    await expect(page.get_by_role("heading", name="You are signed in")).to_be_visible()
    other = await browser.new_page()
    await sign_in(other, product, person="Ralph E Lee")
    await expect(other.get_by_role("heading", name="You are signed in")).to_be_visible()

    await page.get_by_role("button", name="Sign out everywhere").click()
    await expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    await other.reload()

    await expect(other.get_by_role("heading", name="You are not signed in")).to_be_visible()
    await other.close()


async def test_a_person_whom_va_does_not_confirm_is_told_so(page: Page, product: Product) -> None:
    await sign_in(page, product, person="Greg A Anderson")

    await expect(page.get_by_text("confirm your Veteran status")).to_be_visible()


async def test_a_declined_sign_in_is_explained_and_can_be_tried_again(
    page: Page, product: Product
) -> None:
    await sign_in(page, product, person="Decline")

    await expect(
        page.get_by_role("heading", name="VA.gov didn't allow this sign-in")
    ).to_be_visible()
    assert page.url == f"{product.url}/va-error?error=access_denied"

    await page.get_by_role("link", name="Try again").click()
    await page.get_by_role("button", name="Tamara E Ellis").click()

    await expect(page.get_by_role("heading", name="You are signed in")).to_be_visible()


async def test_the_place_a_sign_in_was_asked_for_is_offered_afterwards(
    page: Page, product: Product
) -> None:
    await page.goto(f"{product.url}/api/v1/va/login?return_to=/claims%3Fyear%3D2026")
    await page.get_by_role("button", name="Tamara E Ellis").click()

    link = page.get_by_role("link", name="Continue to /claims?year=2026")
    await expect(link).to_have_attribute("href", "/claims?year=2026")
    assert "token" not in page.url


# From here on the page meets answers that the running service would not give on request.


async def test_a_token_in_the_fragment_is_taken_over_and_taken_away(
    page: Page, product: Product
) -> None:
    await pretend_signed_in(page)

    async with page.expect_request("**/api/v1/session") as asked:
        await page.goto(f"{product.url}/va-success#token={TOKEN_SHAPED}&expires=soon")

    sent = await (await asked.value).header_value("Authorization")
    assert sent == f"Bearer {TOKEN_SHAPED}"
    await expect(page.get_by_role("heading", name="You are signed in")).to_be_visible()
    assert page.url == f"{product.url}/va-success"


async def test_a_session_in_a_cookie_outranks_a_token_of_an_earlier_sign_in(
    page: Page, product: Product
) -> None:
    await pretend_signed_in(page)
    await page.goto(f"{product.url}/va-success?token={TOKEN_SHAPED}&expires=soon")
    await expect(page.get_by_role("heading", name="You are signed in")).to_be_visible()

    async with page.expect_request("**/api/v1/session") as asked:
        await page.goto(f"{product.url}/va-success?expires=soon")

    assert await (await asked.value).header_value("Authorization") is None
    table = page.get_by_role("table", name="What VetAssist says about your session")
    await expect(table.get_by_role("row", name="session_id")).to_contain_text("a-session")
    await expect(table.get_by_role("rowheader")).to_have_count(len(a_session()))


async def test_what_va_says_about_a_person_is_text_and_never_markup(
    page: Page, product: Product
) -> None:
    await pretend_signed_in(page)

    await page.goto(f"{product.url}/va-success")

    await expect(page.get_by_text("<b>Given</b>", exact=True)).to_be_visible()
    await expect(page.get_by_text("send us your Veteran status")).to_be_visible()


async def test_a_person_whom_va_wants_to_see_again_is_told_so_and_led_there(
    page: Page, product: Product
) -> None:
    await sign_in(page, product)
    again = page.get_by_role("link", name="Sign in with VA.gov again")
    await expect(page.get_by_role("link", name="See who used it")).to_be_visible()
    await expect(again).to_be_hidden()

    await pretend_signed_in(page)
    await page.goto(f"{product.url}/va-success")

    await expect(again).to_have_attribute("href", f"{product.url}/api/v1/va/login")
    await expect(again).to_be_visible()


async def test_the_page_leads_on_to_its_own_site_only(page: Page, product: Product) -> None:
    await pretend_signed_in(page)
    for return_to in (
        "//elsewhere.example/",
        "/\\elsewhere.example/",
        "/\t/elsewhere.example/",
        "/\t/[",
        "https://elsewhere.example/",
        "javascript:alert(1)",
        "claims",
        "",
    ):
        query = httpx.QueryParams({"expires": "soon", "return_to": return_to})

        await page.goto(f"{product.url}/va-success?{query}")

        await expect(page.get_by_role("heading", name="You are signed in")).to_be_visible()
        await expect(page.get_by_text("Continue to"), return_to).to_be_hidden()
        assert "elsewhere" not in page.url, return_to


async def test_an_outage_signs_nobody_out(page: Page, product: Product) -> None:
    await pretend_signed_in(page)
    await page.route("**/api/v1/session", answer_with(503), times=1)

    await page.goto(f"{product.url}/va-success?token={TOKEN_SHAPED}&expires=soon")

    await expect(page.get_by_text("never signs you out")).to_be_visible()
    assert await stored_token(page) == TOKEN_SHAPED

    await page.get_by_role("button", name="Try again").click()

    await expect(page.get_by_role("heading", name="You are signed in")).to_be_visible()


async def test_a_service_that_cannot_be_reached_signs_nobody_out(
    page: Page, product: Product
) -> None:
    await page.route("**/api/v1/*", lambda route: route.abort())

    await page.goto(f"{product.url}/va-success?token={TOKEN_SHAPED}&expires=soon")

    await expect(page.get_by_text("never signs you out")).to_be_visible()
    assert await stored_token(page) == TOKEN_SHAPED


async def test_a_session_that_has_ended_is_said_to_have_ended(page: Page, product: Product) -> None:
    await page.goto(f"{product.url}/va-success?token={TOKEN_SHAPED}&expires=soon")

    await expect(page.get_by_role("heading", name="You are not signed in")).to_be_visible()
    await expect(page.get_by_role("link", name="Sign in again")).to_be_visible()
    assert await stored_token(page) is None


async def test_a_sign_out_that_fails_is_not_shown_as_done(page: Page, product: Product) -> None:
    await pretend_signed_in(page)
    await page.goto(f"{product.url}/va-success?token={TOKEN_SHAPED}&expires=soon")
    await expect(page.get_by_role("heading", name="You are signed in")).to_be_visible()
    await page.unroute("**/api/v1/session")
    await page.route("**/api/v1/session", answer_with(503))

    await page.get_by_role("button", name="Sign out", exact=True).click()

    await expect(page.get_by_role("alert")).to_contain_text("You may still be signed in")
    await expect(page.get_by_role("heading", name="You are signed in")).to_be_visible()
    await expect(page.get_by_role("button", name="Sign out", exact=True)).to_be_enabled()
    assert await stored_token(page) == TOKEN_SHAPED


async def test_the_page_counts_down_says_so_now_and_then_and_asks_again_at_the_end(
    page: Page, product: Product
) -> None:
    start = datetime.now(UTC)
    await page.clock.install(time=start)
    await pretend_signed_in(page)
    await page.goto(f"{product.url}/va-success?token={TOKEN_SHAPED}&expires=soon")
    status = page.locator("#announcement")
    await expect(status).to_have_text("You are signed in")

    await page.clock.pause_at(start + timedelta(minutes=19))
    await expect(page.get_by_role("timer").first).to_contain_text("11 min 0")
    await expect(status).to_have_text("You are signed in")
    await page.clock.run_for("01:03")
    await expect(status).to_have_text("Your session ends in 10 minutes.")
    await page.clock.fast_forward("07:00")
    await expect(page.get_by_role("timer").first).to_contain_text("2 min 5")
    # A computer that slept over the mark does not say what is no longer true.
    await expect(status).to_have_text("Your session ends in 10 minutes.")

    await page.unroute("**/api/v1/session")
    await page.route("**/api/v1/session", answer_with(401))
    await page.clock.fast_forward("10:00")

    await expect(page.get_by_role("heading", name="You are not signed in")).to_be_visible()
    assert await stored_token(page) is None


async def test_signing_in_needs_no_script(browser: Browser, product: Product) -> None:
    context = await browser.new_context(java_script_enabled=False)
    plain = await context.new_page()

    await sign_in(plain, product, person="Tamara E Ellis")

    # The session's page needs one with this delivery, so the token leaves the address.
    await expect(plain).to_have_url(f"{product.url}/scripts-needed")
    await expect(plain.get_by_role("button")).to_have_count(0)
    await context.close()


async def test_the_keyboard_reaches_the_sign_in_with_two_presses(
    page: Page, product: Product
) -> None:
    await page.goto(product.url)

    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")

    await expect(page.get_by_role("link", name="Sign in with VA.gov")).to_be_focused()


@pytest.mark.parametrize("path", ["/", "/va-success", "/sessions", "/va-error?error=login_expired"])
async def test_nothing_is_cut_off_on_a_small_phone(page: Page, product: Product, path: str) -> None:
    # Source: WCAG 2.2, success criterion 1.4.10: no sideways scrolling at 320 CSS pixels.
    await page.set_viewport_size({"width": 320, "height": 640})
    await pretend_signed_in(page)

    await page.goto(product.url + path)

    await expect(page.locator("h1")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") == 320
