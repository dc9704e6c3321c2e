"""The pages for every Veteran: small screens, large text, Spanish, keyboard, no scripts.

They are those of a session in a cookie, which the demo uses.
"""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from playwright.async_api import Browser, Page, expect

from tests.e2e.conftest import ProductFactory
from tests.e2e.test_accessibility import AXE, violations
from tests.support.browsing import signed_in, visitor
from tests.support.whole_product import WholeProduct

pytestmark = pytest.mark.browser

SIGNED_OUT_PAGES: Final = (
    "/nowhere",
    "/api/v1/va/login",
    "/sessions",
    "/signed-out",
    "/scripts-needed",
    "/va-error?error=identity_missing",
    "/va-error?error=identity_conflict",
)
ACCOUNT_PAGES: Final = (
    "/va-success?return_to=/claims",
    "/",
    "/sessions",
    "/uses",
    "/history",
    "/disconnect",
)
#: Width, height, and the size of text.
SIZES: Final = ((320, 640, "100%"), (390, 844, "200%"), (1280, 800, "100%"))
#: Two thousand pixels at normal size; one letter per line would be ten times as long.
LONGEST: Final = 9_000
SMALL_TARGETS: Final = """
    [...document.querySelectorAll("button, .button, nav a, footer a, .facts dd > a, .onward a")]
        .filter(each => each.checkVisibility() && each.getBoundingClientRect().height < 44)
        .map(each => each.outerHTML)
"""


@pytest.fixture(scope="module")
def product(product_with: ProductFactory) -> Iterator[WholeProduct]:
    """A product as the demo runs it, with support that can be reached."""
    settings = {
        "session_delivery": "cookie",
        "support_phone": "800-555-0100",
        "support_email": "a.rather.long.address.of.support@help.vetassist.example",
        "support_url": "https://help.vetassist.example/",
        "privacy_url": "https://vetassist.example/privacy",
        "terms_url": "https://vetassist.example/terms",
    }
    with product_with(**settings) as started:
        yield started


@pytest.fixture(scope="module")
async def cookies(browser: Browser, product: WholeProduct) -> list[Any]:
    """The cookies of a browser that is signed in, of a person who has another session."""
    async with visitor(browser) as other:
        await signed_in(await other.new_page(), product, person="Jesse Gray")
    async with visitor(browser) as context:
        await signed_in(await context.new_page(), product, person="Jesse Gray")
        return list(await context.cookies())


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    async with visitor(browser) as context:
        yield await context.new_page()


async def arrive(page: Page, product: WholeProduct, person: str = "Tamara E Ellis") -> None:
    """Sign in, and wait until the script of the page runs, too."""
    await signed_in(page, product, person=person)
    await page.wait_for_load_state()


async def look(page: Page, product: WholeProduct, path: str) -> None:
    """At every size, by every rule."""
    await page.goto(product.url + path)
    for width, height, text_size in SIZES:
        await page.set_viewport_size({"width": width, "height": height})
        await page.evaluate(
            "size => { document.documentElement.style.fontSize = size; }", text_size
        )
        too_wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert too_wide <= 0, f"{path} is {too_wide} pixels too wide at {width}"
        assert await page.evaluate("document.documentElement.scrollHeight") < LONGEST, path
        assert await page.evaluate(SMALL_TARGETS) == [], path
    await page.evaluate(AXE)
    assert await violations(page, {}) == {}, path


async def look_at_colors(page: Page, path: str) -> None:
    """In the other color schemes. All that they change is colors."""
    await page.emulate_media(color_scheme="dark")
    assert await violations(page, {"runOnly": ["color-contrast"]}) == {}, path
    await page.emulate_media(color_scheme="light", forced_colors="active")
    assert await violations(page, {"runOnly": ["color-contrast"]}) == {}, path
    await page.emulate_media(color_scheme="light", forced_colors="none")


@pytest.mark.parametrize("locale", ["en-US", pytest.param("es-US", marks=pytest.mark.long)])
async def test_every_page_fits_and_breaks_no_rule(
    browser: Browser, product: WholeProduct, cookies: list[Any], locale: str
) -> None:
    async with visitor(browser, locale=locale) as context:
        page = await context.new_page()
        for path in (*SIGNED_OUT_PAGES, *ACCOUNT_PAGES):
            if path == ACCOUNT_PAGES[0]:
                await context.add_cookies(cookies)
            await look(page, product, path)
            if locale == "en-US":
                await look_at_colors(page, path)


async def test_every_page_fits_without_scripts(
    browser: Browser, product: WholeProduct, cookies: list[Any]
) -> None:
    options = {"viewport": {"width": 320, "height": 640}, "java_script_enabled": False}
    async with visitor(browser, **options) as context:
        await context.add_cookies(cookies)
        page = await context.new_page()
        for path in (*ACCOUNT_PAGES, "/va-error?error=login_expired"):
            await page.goto(product.url + path)
            assert await page.evaluate("document.documentElement.scrollWidth") <= 320, path
            await expect(page.get_by_role("heading", level=1)).to_be_visible()
            await expect(page.get_by_role("main")).not_to_contain_text("Checking")


async def test_a_lost_script_costs_only_its_comfort(
    page: Page, product: WholeProduct, cookies: list[Any]
) -> None:
    await page.context.add_cookies(cookies)
    await page.route("**/static/*.js", lambda route: route.abort())

    await page.goto(f"{product.url}/va-success?expires=soon")

    await expect(page.get_by_text("Jesse Gray", exact=True)).to_be_visible()
    await page.get_by_role("link", name="See where you are signed in").click()
    await expect(page.get_by_role("button", name="Sign out", exact=True)).to_be_visible()


@pytest.mark.parametrize("locale", ["en-US", "es-US"])
async def test_scripts_write_times_as_the_server_does(
    browser: Browser, product: WholeProduct, cookies: list[Any], locale: str
) -> None:
    shown = []
    for has_scripts in (False, True):
        async with visitor(browser, locale=locale, java_script_enabled=has_scripts) as context:
            await context.add_cookies(cookies)
            page = await context.new_page()
            await page.goto(f"{product.url}/history")
            await page.wait_for_load_state("networkidle")
            texts = await page.locator("time").all_inner_texts()
            shown.append([" ".join(text.split()) for text in texts])

    assert shown[0] == shown[1] != []


async def test_the_history_prints_without_controls(
    page: Page, product: WholeProduct, cookies: list[Any]
) -> None:
    await page.context.add_cookies(cookies)
    await page.goto(f"{product.url}/history")
    await page.emulate_media(media="print")

    await expect(page.get_by_text("You signed in with VA.gov.").first).to_be_visible()
    for control in (page.get_by_role("button"), page.get_by_role("link", name="Save all")):
        assert not [each for each in await control.all() if await each.is_visible()]


async def test_a_session_that_an_operator_ended_leaves_the_screen_within_a_minute(
    page: Page, product: WholeProduct
) -> None:
    await page.clock.install(time=datetime.now(UTC))
    await arrive(page, product, "Ralph E Lee")
    await page.goto(f"{product.url}/va-success")
    await expect(page.get_by_text("Ralph Lee", exact=True)).to_be_visible()
    session = (await (await page.request.get(f"{product.url}/api/v1/session")).json())["user_id"]

    await operator(product, "user", "sign-out", session, "--reason", "test")
    await page.clock.fast_forward("01:00")

    await expect(page.get_by_role("heading", name="You are not signed in")).to_be_visible()
    assert await page.title() == "You are not signed in · VetAssist"
    for personal in ("Ralph", "Lee", "va.api.user"):
        assert personal not in await page.content()


async def test_a_session_that_ended_elsewhere_is_gone_when_the_page_is_looked_at(
    page: Page, product: WholeProduct
) -> None:
    await arrive(page, product, "Ralph E Lee")
    await page.request.delete(f"{product.url}/api/v1/session", headers={"Origin": product.url})

    await page.evaluate("dispatchEvent(new Event('focus'))")

    await expect(page.get_by_role("heading", name="You are not signed in")).to_be_visible()


@pytest.mark.long
async def test_the_start_page_stops_saying_that_one_is_signed_in(
    page: Page, product: WholeProduct
) -> None:
    await page.clock.install(time=datetime.now(UTC))
    await arrive(page, product, "Ralph E Lee")
    await page.goto(product.url)
    await expect(page.get_by_text("Ralph Lee")).to_be_visible()
    await page.request.delete(f"{product.url}/api/v1/session", headers={"Origin": product.url})

    await page.clock.fast_forward("01:00")

    await expect(page.get_by_role("heading", name="Sign in to VetAssist")).to_be_visible()
    assert "Ralph" not in await page.content()


async def test_the_tab_says_that_the_session_ends_soon(page: Page, product: WholeProduct) -> None:
    start = datetime.now(UTC)
    await page.clock.install(time=start)
    await arrive(page, product)
    await page.clock.fast_forward("28:05")

    await expect(page.get_by_role("alertdialog")).to_be_visible()
    await expect(page).to_have_title("Do you want to stay signed in? · VetAssist")
    await page.keyboard.press("Escape")
    await expect(page).to_have_title("You are signed in · VetAssist")


async def test_who_is_active_stays_signed_in_without_a_question(
    page: Page, product: WholeProduct
) -> None:
    await page.clock.install(time=datetime.now(UTC))
    await arrive(page, product)
    await page.clock.fast_forward("20:00")

    async with page.expect_response("**/api/v1/session/renew") as renewed:
        await page.keyboard.press("Shift")

    assert (await renewed.value).status == 200


async def test_a_sign_out_reaches_the_other_tabs(page: Page, product: WholeProduct) -> None:
    await arrive(page, product)
    second = await page.context.new_page()
    await second.goto(f"{product.url}/history")
    await second.get_by_role("button", name="Sign out", exact=True).click()

    await expect(second.get_by_role("heading", name="You are signed out")).to_be_visible()
    await expect(page.get_by_role("heading", name="You are not signed in")).to_be_visible()
    assert "Tamara" not in await page.content()


@pytest.mark.long
async def test_signing_in_again_shows_no_other_device(page: Page, product: WholeProduct) -> None:
    others = page.get_by_role("button", name="Sign out of")
    shown = []
    for _ in range(2):
        await page.goto(f"{product.url}/api/v1/va/login")
        await page.get_by_role("button", name="Greg A Anderson").click()
        await page.goto(f"{product.url}/sessions")
        await expect(page.get_by_role("heading", name="This device")).to_be_visible()
        shown.append(await others.count())

    assert shown[0] == shown[1]


@pytest.mark.long
async def test_a_person_without_scripts_walks_all_the_way(
    browser: Browser, product: WholeProduct
) -> None:
    async with visitor(browser) as elsewhere:
        await signed_in(await elsewhere.new_page(), product, person="Janet L Moore")
    async with visitor(browser, java_script_enabled=False) as context:
        page = await context.new_page()
        await signed_in(page, product, person="Janet L Moore")
        await page.get_by_role("button", name="Stay signed in").click()
        await expect(page.get_by_text("You will stay signed in for longer.")).to_be_visible()
        await page.get_by_role("link", name="See where you are signed in").click()
        await page.get_by_role("button", name="Sign out of").first.click()
        await expect(page.get_by_text("You are signed out of that device.")).to_be_visible()
        await page.goto(f"{product.url}/history")
        async with page.expect_download() as saved:
            await page.get_by_role("link", name="Save all as a table (CSV)").click()
        assert (await saved.value).suggested_filename == "vetassist-history.csv"
        await page.get_by_role("button", name="Sign out", exact=True).click()
        await expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()


async def test_a_person_with_a_keyboard_alone_walks_all_the_way(
    page: Page, product: WholeProduct
) -> None:
    await page.goto(product.url)
    await press(page, "link", "Sign in with VA.gov")
    await press(page, "button", "Tamara E Ellis")
    await expect(page.get_by_role("heading", name="You are signed in")).to_be_visible()
    await press(page, "link", "See where you are signed in")
    await expect(page.get_by_role("heading", name="This device")).to_be_visible()
    await press(page, "link", "Back to your session")
    await press(page, "button", "Sign out")
    await expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    await press(page, "link", "Sign in again")
    await press(page, "button", "Tamara E Ellis")
    await press(page, "link", "See who used it, or disconnect VA")
    await press(page, "link", "Disconnect VA")
    await press(page, "button", "Disconnect VA")
    await expect(page.get_by_text("VA is disconnected")).to_be_visible()


async def test_a_person_who_reads_only_spanish_walks_all_the_way(
    browser: Browser, product: WholeProduct
) -> None:
    async with visitor(browser, locale="es-MX") as context:
        page = await context.new_page()
        await page.goto(product.url)
        await page.get_by_role("link", name="Iniciar sesión con VA.gov").click()
        await page.get_by_role("button", name="Tamara E Ellis").click()
        await expect(page.get_by_role("heading", name="Ha iniciado sesión")).to_be_visible()
        # The date is Spanish too, in the device's time zone.
        await expect(page.locator("time").first).to_have_text(
            re.compile(r"^\d+ de [a-z]+ de \d{4}.+ E[SD]T$")
        )
        await page.get_by_role("link", name="Ver dónde tiene la sesión iniciada").click()
        await expect(page.get_by_role("heading", name="Este dispositivo")).to_be_visible()
        await page.get_by_role("link", name="Volver a su sesión").click()
        await page.get_by_role("link", name="Ver el historial de su cuenta").click()
        await expect(page.get_by_text("Usted inició sesión con VA.gov.").first).to_be_visible()
        await page.get_by_role("button", name="Cerrar sesión", exact=True).click()
        await expect(page.get_by_role("heading", name="Su sesión está cerrada")).to_be_visible()
        await page.get_by_role("link", name="Iniciar sesión de nuevo").click()
        await page.get_by_role("button", name="Tamara E Ellis").click()
        await page.get_by_role("link", name="desconectar el VA").click()
        await page.get_by_role("link", name="Desconectar el VA").click()
        await page.get_by_role("button", name="Desconectar el VA").click()
        await expect(page.get_by_text("El VA está desconectado")).to_be_visible()
        await page.get_by_role("link", name="English").click()
        await expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
        await page.reload()
        await expect(page.locator("html")).to_have_attribute("lang", "en")


async def press(page: Page, role: Any, name: str) -> None:
    """Tab to a control, and press Enter on it."""
    control = page.get_by_role(role, name=name, exact=name == "Sign out")
    await expect(control).to_be_visible()
    for _ in range(60):
        await page.keyboard.press("Tab")
        if await control.evaluate("each => each === document.activeElement"):
            await page.keyboard.press("Enter")
            return
    raise AssertionError(f"no way to {name}")


async def operator(product: WholeProduct, *arguments: str) -> None:
    """Run a command of the operator."""
    command = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "entrypoints.cli", *arguments, env=dict(product.environment)
    )
    assert await command.wait() == 0
