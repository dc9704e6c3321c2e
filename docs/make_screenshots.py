#!/usr/bin/env python3
"""Takes the README's screenshots from the running product, signed in as a test Veteran of VA's."""

import asyncio
import tempfile
from pathlib import Path
from typing import Final

from playwright.async_api import Browser, Page, async_playwright, expect

from adapters.postgres.migrations import migrate
from entrypoints.embedded_postgres import embedded_postgres
from tests.support.browsing import chromium, launched, sign_in, signed_in, visitor
from tests.support.whole_product import WholeProduct, running_console, whole_product

_IMAGES: Final = Path(__file__).parent / "images"
_DESKTOP: Final = {"width": 1200, "height": 800}
_SMALL: Final = {"width": 390, "height": 844}

# Devices as their browsers name themselves.
_LAPTOP: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/142.0.0.0 Safari/537.36"
)
_PHONE: Final = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1"
)
_LIBRARY: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"


async def _take_all(product: WholeProduct) -> None:
    async with async_playwright() as playwright:
        browser = await launched(playwright, chromium())
        await _walk(browser, product)
        await _walk_console(browser, product)
        await browser.close()


async def _walk(browser: Browser, product: WholeProduct) -> None:
    async with (
        visitor(browser, user_agent=_PHONE) as phone,
        visitor(browser, user_agent=_LIBRARY) as library,
        visitor(browser, user_agent=_LAPTOP, viewport=_DESKTOP) as laptop,
        visitor(browser, locale="es-US", viewport=_SMALL) as spanish,
    ):
        await signed_in(await library.new_page(), product)
        await signed_in(await phone.new_page(), product)
        page = await laptop.new_page()

        await page.goto(product.url)
        await _take(page, "start")
        await page.get_by_role("link", name="Sign in with VA.gov").click()
        await expect(page.get_by_role("heading", name="Who is signing in?")).to_be_visible()
        await _take(page, "sandbox-sign-in")
        await page.get_by_role("button", name="Tamara E Ellis").click()
        await expect(page.get_by_role("heading", name="You are signed in")).to_be_visible()
        await _counts_down(page)
        await _take(page, "signed-in", full_page=False)
        await page.get_by_role("link", name="See where you are signed in").click()
        await expect(page.get_by_role("heading", name="This device")).to_be_visible()
        await _take(page, "sessions")
        await page.goto(f"{product.url}/history")
        await expect(page.get_by_text("You signed in with VA.gov.").first).to_be_visible()
        await _take(page, "history")
        await page.get_by_role("button", name="Sign out", exact=True).click()
        await expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
        await sign_in(page, product, person="Decline")
        await expect(
            page.get_by_role("heading", name="VA.gov didn't allow this sign-in")
        ).to_be_visible()
        await _take(page, "error")
        page = await spanish.new_page()
        await page.goto(product.url)
        await page.get_by_role("link", name="Iniciar sesión con VA.gov").click()
        await page.get_by_role("button", name="Ralph E Lee").click()
        await expect(page.get_by_role("heading", name="Ha iniciado sesión")).to_be_visible()
        await _counts_down(page)
        await _take(page, "spanish")


async def _walk_console(browser: Browser, product: WholeProduct) -> None:
    """As an admin operator, whose person has a session on a phone."""
    async with visitor(browser, viewport=_DESKTOP) as desk:
        page = await desk.new_page()
        await page.goto(product.console_url)
        await page.get_by_role("link", name="Sign in with your identity provider").click()
        await page.get_by_role("button", name="Admin operator").click()
        await page.get_by_label("User id, session id").fill("ellis")
        await page.get_by_role("button", name="Search").click()
        await page.get_by_role("link", name="Tamara Ellis").click()
        await expect(page.get_by_role("heading", name="Sessions")).to_be_visible()
        await page.get_by_text("End this session").first.click()
        await _take(page, "console-person")
        await page.get_by_role("link", name="Board").click()
        await expect(page.get_by_role("heading", name="How the service is doing")).to_be_visible()
        await _take(page, "console-board")


async def _counts_down(page: Page) -> None:
    """Wait until the script runs, so that each picture shows the same."""
    await expect(page.locator("progress")).to_be_visible()


async def _take(page: Page, name: str, *, full_page: bool = True) -> None:
    path = _IMAGES / f"{name}.png"
    # The signs and the device's times come after the page.
    await page.wait_for_load_state("networkidle")
    await page.screenshot(path=path, full_page=full_page, animations="disabled")


def main() -> None:
    """Start the product on free ports, walk through it, and leave nothing behind but images."""
    if chromium() is None:
        raise SystemExit("needs a chromium on the PATH (apt-get: chromium)")
    _IMAGES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        embedded_postgres(Path(folder) / "postgres") as database_url,
    ):
        migrate(database_url)
        settings = {"va_client_id": "vetassist_demo", "session_delivery": "cookie"}
        with (
            whole_product(Path(folder), database_url, **settings) as product,
            running_console(product, Path(folder)),
        ):
            asyncio.run(_take_all(product))


if __name__ == "__main__":
    main()
