"""No page, in any state, light or dark, breaks one of axe-core's rules."""

from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Final

import pytest
from playwright.async_api import Page, expect

from domain.sign_in_failure import SignInFailure
from tests.support.browsing import (
    TOKEN_SHAPED,
    Product,
    answer_with,
    pretend_signed_in,
    some_places,
)

AXE: Final = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
SUCCESS: Final = f"/va-success?token={TOKEN_SHAPED}&expires=soon"

pytestmark = pytest.mark.browser


async def assert_no_violation(page: Page) -> None:
    """By every rule that axe-core has, those for best practice included."""
    await page.evaluate(AXE)
    await page.emulate_media(color_scheme="light")
    assert await violations(page, {}) == {}
    # All that the dark scheme changes is colours.
    await page.emulate_media(color_scheme="dark")
    assert await violations(page, {"runOnly": ["cat.color"]}) == {}


async def violations(page: Page, options: dict[str, list[str]]) -> dict[str, list[str]]:
    """The elements that break a rule, by the rule."""
    found = await page.evaluate("options => axe.run(options)", options)
    return {
        f"{violation['id']}: {violation['help']}": [node["html"] for node in violation["nodes"]]
        for violation in found["violations"]
    }


async def open_page(page: Page, product: Product, path: str, *, shows: str) -> None:
    await page.goto(product.url + path)
    await expect(page.get_by_role("heading", name=shows)).to_be_visible()


async def test_the_start_page(page: Page, product: Product) -> None:
    await open_page(page, product, "/", shows="Sign in to VetAssist")

    await assert_no_violation(page)


async def test_the_error_page(page: Page, product: Product) -> None:
    await page.goto(f"{product.url}/va-error?error={SignInFailure.ACCESS_DENIED}")

    await assert_no_violation(page)


async def test_a_session_as_its_token_and_as_the_service_tells_it(
    page: Page, product: Product
) -> None:
    await pretend_signed_in(page)
    for path in ("/va-success?expires=soon&return_to=/claims", SUCCESS):
        await open_page(page, product, path, shows="You are signed in")
        await assert_no_violation(page)


async def test_a_sign_out_that_failed(page: Page, product: Product) -> None:
    await pretend_signed_in(page)
    await page.route("**/api/v1/sessions", answer_with(503))
    await open_page(page, product, SUCCESS, shows="You are signed in")
    await page.get_by_role("button", name="Sign out everywhere").click()
    await expect(page.get_by_role("alert")).to_be_visible()

    await assert_no_violation(page)


@pytest.mark.parametrize("path", ["/va-success", "/sessions"])
async def test_no_session(page: Page, product: Product, path: str) -> None:
    await open_page(page, product, path, shows="You are not signed in")

    await assert_no_violation(page)


async def test_an_outage(page: Page, product: Product) -> None:
    await page.route("**/api/v1/*", answer_with(503))
    await open_page(page, product, "/sessions", shows="check your session right now")

    await assert_no_violation(page)


async def test_a_page_that_is_still_asking(page: Page, product: Product) -> None:
    await page.route("**/api/v1/*", lambda _route: None)
    await open_page(page, product, "/sessions", shows="Checking your session")

    await assert_no_violation(page)


async def test_a_session_that_was_signed_out(page: Page, product: Product) -> None:
    await pretend_signed_in(page)
    await open_page(page, product, SUCCESS, shows="You are signed in")
    await page.get_by_role("button", name="Sign out", exact=True).click()
    await expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()

    await assert_no_violation(page)


async def test_where_one_is_signed_in_before_and_after_signing_out_there(
    page: Page, product: Product
) -> None:
    await pretend_signed_in(page)
    places = some_places("Chrome on Android", "Safari on iPad")
    await page.route("**/api/v1/sessions", answer_with(200, {"sessions": places}))
    await page.route("**/api/v1/sessions/*", answer_with(204))
    await open_page(page, product, "/sessions", shows="Where you are signed in")
    await assert_no_violation(page)

    await page.get_by_role("button", name="Sign out of Chrome on Android").click()
    await expect(page.get_by_role("heading", name="Safari on iPad")).to_be_focused()
    await assert_no_violation(page)

    await page.get_by_role("button", name="Sign out of Safari on iPad").click()
    await expect(page.get_by_text("signed in anywhere else.")).to_be_visible()
    await assert_no_violation(page)


@pytest.mark.parametrize("can_extend", [True, False])
async def test_the_warning_its_failure_and_what_is_left_of_it(
    page: Page, product: Product, *, can_extend: bool
) -> None:
    start = datetime.now(UTC)
    await page.clock.install(time=start)
    await pretend_signed_in(page, can_extend=can_extend)
    await page.route("**/api/v1/session/renew", answer_with(503))
    await open_page(page, product, "/sessions", shows="Where you are signed in")
    await page.clock.pause_at(start + timedelta(minutes=28, seconds=5))
    await expect(page.get_by_role("alertdialog")).to_be_visible()
    await page.clock.resume()  # axe-core waits by the clock, too
    await assert_no_violation(page)

    if can_extend:
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_be_visible()
        await assert_no_violation(page)

    await page.keyboard.press("Escape")
    await expect(page.get_by_text("Your session ends in 1 min")).to_be_visible()
    await assert_no_violation(page)
