"""The whole product, walked through in a real browser."""

import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

import httpx
import pytest
from playwright.async_api import Browser, Page, Route, async_playwright, expect

CHROMIUM: Final = shutil.which("chromium")
ARGUMENTS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
TOKEN_SHAPED: Final = "e30.e30.c2ln"  # header and claims are empty objects

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs a chromium on the PATH (apt-get: chromium)"),
]


class Product(Protocol):
    """The running service and the simulated VA it sends people to."""

    @property
    def url(self) -> str: ...

    @property
    def sandbox_url(self) -> str: ...


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield launched
        await launched.close()


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A new visitor's page; nothing on it may fail or be blocked by the content policy."""
    context = await browser.new_context(timezone_id="America/New_York")
    visited = await context.new_page()
    faults: list[str] = []
    visited.on("pageerror", lambda error: faults.append(str(error)))
    visited.on(
        "console",
        lambda message: (
            faults.append(message.text) if "Content Security Policy" in message.text else None
        ),
    )
    yield visited
    await context.close()
    assert not faults


def heading(page: Page) -> Awaitable[str | None]:
    return page.locator("h1").text_content()


async def sign_in(page: Page, product: Product, *, person: str) -> None:
    await page.goto(product.url)
    await page.get_by_role("link", name="Sign in with VA.gov").click()
    await expect(page).to_have_url(re.compile(re.escape(product.sandbox_url)))
    await page.get_by_role("button", name=person).click()


async def stored_token(page: Page) -> str | None:
    token = await page.evaluate("sessionStorage.getItem('vetassist.token')")
    assert token is None or isinstance(token, str)
    return token


async def status_of_session(product: Product, token: str) -> int:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(
            f"{product.url}/api/v1/session", headers={"Authorization": f"Bearer {token}"}
        )
    return answer.status_code


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

    await expect(page.get_by_text("VA could not confirm")).to_be_visible()


async def test_a_declined_sign_in_is_explained_and_can_be_tried_again(
    page: Page, product: Product
) -> None:
    await sign_in(page, product, person="Decline")

    await expect(page.get_by_role("heading", name="You chose not to sign in")).to_be_visible()
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

Answer = Callable[[Route], Awaitable[None]]


def answer_with(status: int, body: object = None) -> Answer:
    async def answer(route: Route) -> None:
        await route.fulfill(status=status, json={} if body is None else body)

    return answer


async def pretend_signed_in(page: Page, *, ends_in: timedelta = timedelta(minutes=30)) -> None:
    """Have the API speak for a session that began just now."""
    now = datetime.now(UTC)
    session = {
        "session_id": "a-session",
        "user_id": "a-user",
        "issued_at": now.isoformat(),
        "expires_at": (now + ends_in).isoformat(),
        "va_linked": True,
    }
    user = {
        "user_id": "a-user",
        "given_name": "<b>Given</b>",
        "family_name": None,
        "email": None,
        "veteran_status": "unknown",
        "last_login_at": None,
    }
    await page.route("**/api/v1/session", answer_with(200, session))
    await page.route("**/api/v1/user", answer_with(200, user))


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
    await expect(table.get_by_role("rowheader")).to_have_count(5)


async def test_what_va_says_about_a_person_is_text_and_never_markup(
    page: Page, product: Product
) -> None:
    await pretend_signed_in(page)

    await page.goto(f"{product.url}/va-success")

    await expect(page.get_by_text("<b>Given</b>", exact=True)).to_be_visible()
    await expect(page.get_by_text("VA has not told us")).to_be_visible()


@pytest.mark.parametrize(
    "return_to",
    [
        "//elsewhere.example/",
        "/\\elsewhere.example/",
        "/\t/elsewhere.example/",
        "/\t/[",
        "https://elsewhere.example/",
        "javascript:alert(1)",
        "claims",
        "",
    ],
)
async def test_the_page_leads_on_to_its_own_site_only(
    page: Page, product: Product, return_to: str
) -> None:
    await pretend_signed_in(page)
    query = httpx.QueryParams({"expires": "soon", "return_to": return_to})

    await page.goto(f"{product.url}/va-success?{query}")

    await expect(page.get_by_role("heading", name="You are signed in")).to_be_visible()
    await expect(page.get_by_text("Continue to")).to_be_hidden()
    assert "elsewhere" not in page.url


async def test_an_outage_signs_nobody_out(page: Page, product: Product) -> None:
    await pretend_signed_in(page)
    await page.route("**/api/v1/session", answer_with(503), times=1)

    await page.goto(f"{product.url}/va-success?token={TOKEN_SHAPED}&expires=soon")

    await expect(page.get_by_text("You are still signed in")).to_be_visible()
    assert await stored_token(page) == TOKEN_SHAPED

    await page.get_by_role("button", name="Try again").click()

    await expect(page.get_by_role("heading", name="You are signed in")).to_be_visible()


async def test_a_service_that_cannot_be_reached_signs_nobody_out(
    page: Page, product: Product
) -> None:
    await page.route("**/api/v1/*", lambda route: route.abort())

    await page.goto(f"{product.url}/va-success?token={TOKEN_SHAPED}&expires=soon")

    await expect(page.get_by_text("You are still signed in")).to_be_visible()
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

    await expect(page.get_by_role("alert")).to_contain_text("you are still signed in")
    assert await heading(page) == "You are signed in"
    await expect(page.get_by_role("button", name="Sign out", exact=True)).to_be_enabled()
    assert await stored_token(page) == TOKEN_SHAPED


async def test_the_page_counts_down_says_so_now_and_then_and_asks_again_at_the_end(
    page: Page, product: Product
) -> None:
    await page.clock.install()
    await pretend_signed_in(page)
    await page.goto(f"{product.url}/va-success?token={TOKEN_SHAPED}&expires=soon")
    status = page.get_by_role("status")
    await expect(status).to_have_text("You are signed in")

    await page.clock.fast_forward("19:00")
    await expect(status).to_have_text("You are signed in")
    await page.clock.fast_forward("01:01")
    await expect(status).to_have_text("Your session ends in 10 minutes.")

    await page.unroute("**/api/v1/session")
    await page.route("**/api/v1/session", answer_with(401))
    await page.clock.fast_forward("10:00")

    await expect(page.get_by_role("heading", name="You are not signed in")).to_be_visible()
    assert await stored_token(page) is None


async def test_the_page_says_what_it_needs_when_scripts_are_off(
    browser: Browser, product: Product
) -> None:
    context = await browser.new_context(java_script_enabled=False)
    plain = await context.new_page()

    await plain.goto(f"{product.url}/va-success")

    await expect(plain.get_by_text("This page needs JavaScript")).to_be_visible()
    await expect(plain.get_by_role("button")).to_have_count(0)
    await context.close()


async def test_the_keyboard_reaches_the_sign_in_with_two_presses(
    page: Page, product: Product
) -> None:
    await page.goto(product.url)

    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")

    await expect(page.get_by_role("link", name="Sign in with VA.gov")).to_be_focused()


@pytest.mark.parametrize("path", ["/", "/va-success", "/va-error?error=login_expired"])
async def test_nothing_is_cut_off_on_a_small_phone(page: Page, product: Product, path: str) -> None:
    # Source: WCAG 2.2, success criterion 1.4.10: no sideways scrolling at 320 CSS pixels.
    await page.set_viewport_size({"width": 320, "height": 640})
    await pretend_signed_in(page)

    await page.goto(product.url + path)

    await expect(page.locator("h1")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") == 320
