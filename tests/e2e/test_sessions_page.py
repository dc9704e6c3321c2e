"""Where one is signed in: a person looks, and signs out here and there."""

import httpx
import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.support.browsing import (
    TOKEN_SHAPED,
    Product,
    answer_with,
    pretend_signed_in,
    signed_in,
    some_places,
    status_of_session,
    stored_token,
    visitor,
)

LAPTOP = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0"
)
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1"
)

pytestmark = pytest.mark.browser


def places(page: Page) -> Locator:
    """The other places where the person is signed in."""
    return page.get_by_role("main").get_by_role("list").get_by_role("listitem")


async def open_places(page: Page) -> None:
    await page.get_by_role("link", name="See where you are signed in").click()
    await expect(page.get_by_role("heading", name="Where you are signed in")).to_be_visible()


async def pretend_places(page: Page, product: Product, *others: str) -> None:
    await pretend_signed_in(page)
    await page.route("**/api/v1/sessions", answer_with(200, {"sessions": some_places(*others)}))
    await page.goto(f"{product.url}/sessions")
    await expect(page.get_by_role("heading", name="Where you are signed in")).to_be_visible()


async def test_a_session_in_another_browser_is_signed_out_from_here(
    browser: Browser, product: Product
) -> None:
    async with (
        visitor(browser, user_agent=LAPTOP) as laptop,
        visitor(browser, user_agent=PHONE) as phone,
    ):
        page, other = await laptop.new_page(), await phone.new_page()
        await signed_in(page, product, person="Jesse Gray")
        await signed_in(other, product, person="Jesse Gray")
        token = await stored_token(other)
        assert token is not None

        await open_places(page)
        here = page.locator(".place").filter(has_text="Edge on Windows")
        await expect(here).to_contain_text("Signed in")
        there = places(page).filter(has_text="Mobile Safari on iPhone")
        await there.get_by_role("button", name="Sign out of Mobile Safari on iPhone").click()

        await expect(there).to_have_count(0)
        await expect(page.get_by_role("status")).to_have_text(
            "You are signed out of Mobile Safari on iPhone."
        )
        await expect(here.get_by_role("button", name="Sign out")).to_be_enabled()
        assert await status_of_session(product, token) == 401
        await other.reload()
        await expect(other.get_by_role("heading", name="You are not signed in")).to_be_visible()


async def test_signing_out_everywhere_else_spares_this_session(
    page: Page, browser: Browser, product: Product
) -> None:
    async with visitor(browser, user_agent=PHONE) as phone:
        other = await phone.new_page()
        await signed_in(other, product, person="Janet L Moore")
        elsewhere = await stored_token(other)
    await signed_in(page, product, person="Janet L Moore")
    here = await stored_token(page)
    assert here is not None
    assert elsewhere is not None

    await open_places(page)
    await page.get_by_role("button", name="Sign out everywhere else").click()

    await expect(page.get_by_text("signed in anywhere else.")).to_be_visible()
    await expect(page.get_by_role("status")).to_have_text("You are signed out everywhere else.")
    await expect(page.get_by_role("heading", name="Other devices and browsers")).to_be_focused()
    await expect(page.get_by_role("button", name="Sign out everywhere else")).to_be_hidden()
    assert await status_of_session(product, elsewhere) == 401
    assert await status_of_session(product, here) == 200


async def test_signing_out_of_this_one_ends_it_in_every_tab(page: Page, product: Product) -> None:
    await signed_in(page, product)
    token = await stored_token(page)
    assert token is not None
    second = await page.context.new_page()
    await second.goto(f"{product.url}/sessions")
    await expect(second.get_by_role("heading", name="Where you are signed in")).to_be_visible()

    await second.get_by_role("button", name="Sign out", exact=True).click()

    await expect(second.get_by_role("heading", name="You are signed out")).to_be_focused()
    await expect(page.get_by_role("heading", name="You are not signed in")).to_be_visible()
    assert "Tamara" not in await page.content()
    assert await stored_token(page) is None
    assert await status_of_session(product, token) == 401


async def test_another_tab_takes_the_session_up_where_the_browser_has_one(
    page: Page, product: Product
) -> None:
    await signed_in(page, product)
    second = await page.context.new_page()

    await second.goto(f"{product.url}/sessions")

    await expect(second.locator(".place").first).to_contain_text("Last active")
    token = await stored_token(second)
    assert token is not None
    assert await status_of_session(product, token) == 200
    # The first tab has heard of it and goes on with the new token.
    await expect(page.get_by_role("rowheader", name="jti")).to_be_visible()
    await page.wait_for_function(
        "token => sessionStorage.getItem('vetassist.token') === token", arg=token
    )


async def test_the_page_says_so_when_there_is_no_session(page: Page, product: Product) -> None:
    await page.goto(f"{product.url}/sessions")

    await expect(page.get_by_role("heading", name="You are not signed in")).to_be_visible()
    await expect(page.get_by_role("link", name="Sign in again")).to_be_visible()


async def test_an_outage_signs_nobody_out_and_can_be_waited_for(
    page: Page, product: Product
) -> None:
    await pretend_signed_in(page)
    await page.route("**/api/v1/sessions", answer_with(503), times=1)

    await page.goto(f"{product.url}/sessions")

    await expect(page.get_by_text("never signs you out")).to_be_visible()
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_role("heading", name="Where you are signed in")).to_be_visible()
    await expect(page.get_by_text("signed in anywhere else.")).to_be_visible()


async def test_the_focus_goes_on_to_the_next_place_but_not_to_its_button(
    page: Page, product: Product
) -> None:
    await page.route("**/api/v1/sessions/*", answer_with(204))
    await pretend_places(page, product, "Chrome on Android", "Safari on iPad", "Edge on Windows")

    await page.get_by_role("button", name="Sign out of Safari on iPad").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Edge on Windows")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Sign out of Edge on Windows")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Chrome on Android")).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")

    await expect(page.get_by_role("heading", name="Other devices and browsers")).to_be_focused()
    await expect(page.get_by_text("signed in anywhere else.")).to_be_visible()


@pytest.mark.parametrize("button", ["Sign out of Chrome on Android", "Sign out everywhere else"])
async def test_a_sign_out_that_fails_is_not_shown_as_done(
    page: Page, product: Product, button: str
) -> None:
    await pretend_places(page, product, "Chrome on Android")
    await page.route("**/api/v1/sessions/*", answer_with(503))
    await page.route("**/api/v1/sessions?except=current", answer_with(503))

    await page.get_by_role("button", name=button).click()

    await expect(page.get_by_role("alert")).to_contain_text("confirm the sign-out")
    await expect(places(page)).to_have_count(1)
    await expect(page.get_by_role("button", name=button)).to_be_focused()


async def test_a_session_that_ended_meanwhile_leaves_nothing_on_the_page(
    page: Page, product: Product
) -> None:
    await page.goto(f"{product.url}/va-error")
    await page.evaluate(f"sessionStorage.setItem('vetassist.token', '{TOKEN_SHAPED}')")
    await pretend_places(page, product, "Chrome on Android")
    await page.route("**/api/v1/sessions/*", answer_with(401))

    await page.get_by_role("button", name="Sign out of Chrome on Android").click()

    await expect(page.get_by_role("heading", name="You are not signed in")).to_be_focused()
    assert "Android" not in await page.content()
    assert await stored_token(page) is None


async def test_what_a_device_calls_itself_is_text_and_never_markup(
    page: Page, product: Product
) -> None:
    await pretend_places(page, product, "<img src=x onerror=alert(1)>")

    await expect(
        page.get_by_role("heading", name="<img src=x onerror=alert(1)>", exact=True)
    ).to_be_visible()
    await expect(page.get_by_role("main").locator("img")).to_have_count(0)


async def test_the_page_takes_no_token_from_its_address(page: Page, product: Product) -> None:
    query = httpx.QueryParams({"token": TOKEN_SHAPED, "expires": "soon"})

    await page.goto(f"{product.url}/sessions?{query}#{query}")

    await expect(page.get_by_role("heading", name="You are not signed in")).to_be_visible()
    assert await stored_token(page) is None
