"""The operators' console, walked through in a real browser."""

from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Browser, Page, expect

from tests.e2e.conftest import ProductFactory
from tests.e2e.test_accessibility import assert_no_violation
from tests.support.browsing import signed_in, visitor
from tests.support.whole_product import WholeProduct, running_console

pytestmark = [pytest.mark.browser, pytest.mark.long]


@pytest.fixture(scope="module")
def product(
    product_with: ProductFactory, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WholeProduct]:
    """The product whose sessions are cookies, and the console beside it."""
    with (
        product_with(session_delivery="cookie") as started,
        running_console(started, tmp_path_factory.mktemp("console")),
    ):
        yield started


@pytest.fixture
async def desk(browser: Browser, product: WholeProduct) -> AsyncIterator[Page]:
    """The page of a support operator who has just signed in."""
    async with visitor(browser) as context:
        page = await context.new_page()
        await _sign_in(page, product, "Support operator")
        yield page


async def _sign_in(page: Page, product: WholeProduct, operator: str) -> None:
    await page.goto(product.console_url)
    await expect(page.get_by_role("heading", name="Sign in to the console")).to_be_visible()
    await assert_no_violation(page)
    await page.get_by_role("link", name="Sign in with your identity provider").click()
    await expect(page.get_by_role("heading", name="Which operator is signing in?")).to_be_visible()
    await page.get_by_role("button", name=operator).click()
    await expect(page.get_by_role("heading", name="Find a person")).to_be_visible()


async def _look_up(page: Page, name: str) -> None:
    await page.get_by_label("User id, session id").fill(name)
    await page.get_by_role("button", name="Search").click()
    await assert_no_violation(page)
    await page.get_by_role("link", name=name).click()
    await expect(page.get_by_role("heading", name=name)).to_be_visible()


async def test_i_lost_my_phone(browser: Browser, product: WholeProduct, desk: Page) -> None:
    phone = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/142.0.0.0 Mobile"
    async with visitor(browser) as at_home, visitor(browser, user_agent=phone) as lost:
        veteran, thief = await at_home.new_page(), await lost.new_page()
        await signed_in(thief, product)
        await signed_in(veteran, product)

        await _look_up(desk, "Tamara Ellis")
        await assert_no_violation(desk)
        session = desk.get_by_role("listitem").filter(has_text="Android").filter(has_text="Active")
        await session.get_by_text("End this session").click()
        await session.get_by_label("Reason").fill("lost_device")
        await assert_no_violation(desk)
        await session.get_by_role("button", name="End the session").click()

        await expect(desk.get_by_role("status")).to_have_text("The session ended.")
        await expect(desk.get_by_text("operator support-operator").first).to_be_visible()
        await thief.goto(f"{product.url}/sessions")
        await expect(thief.get_by_role("heading", name="You are not signed in")).to_be_visible()
        await veteran.goto(f"{product.url}/history")
        await expect(
            veteran.get_by_role("heading", name="VetAssist ended one of your sessions.").first
        ).to_be_visible()
        await expect(
            veteran.get_by_role("heading", name="VetAssist looked at your account.").first
        ).to_be_visible()


async def test_what_a_support_operator_sees_and_the_sign_out(
    product: WholeProduct, desk: Page
) -> None:
    for name, heading in (
        ("Back ends", "Back-end clients"),
        ("Board", "How the service is doing"),
        ("Doctor", "What the doctor says"),
    ):
        await desk.get_by_role("link", name=name, exact=True).click()
        await expect(desk.get_by_role("heading", name=heading)).to_be_visible()
        await assert_no_violation(desk)
    await desk.get_by_role("button", name="Sign out").click()
    await expect(desk.get_by_role("heading", name="Sign in to the console")).to_be_visible()
    await desk.goto(f"{product.console_url}/console/board")
    await expect(desk.get_by_role("heading", name="Sign in to the console")).to_be_visible()


async def test_an_admin_settles_a_conflict_and_registers_a_back_end(
    browser: Browser, product: WholeProduct
) -> None:
    async with visitor(browser) as somebody, visitor(browser) as admin:
        await signed_in(await somebody.new_page(), product, person="Ralph E Lee")
        page = await admin.new_page()
        await _sign_in(page, product, "Admin operator")
        await _look_up(page, "Ralph Lee")
        await page.get_by_text("Change the ICN", exact=True).first.click()
        await page.get_by_label("The ICN that VA has now").fill("1012667145V762142")
        form = page.locator("form[action$='/change-icn']")
        await form.get_by_label("Reason").fill("va_changed_icn")
        await assert_no_violation(page)
        await form.get_by_role("button", name="Change the ICN").click()
        await assert_no_violation(page)

        await page.get_by_role("link", name="Back ends", exact=True).click()
        await page.get_by_label("Name, as Veterans see it").fill("Claims helper")
        await page.get_by_label("veteran_status", exact=True).check()
        await page.get_by_label("veteran_status.read").check()
        await page.get_by_role("button", name="Register").click()
        await expect(page.get_by_text("shown this once")).to_be_visible()
        await assert_no_violation(page)
        await page.get_by_role("link", name="Back to the back ends").click()
        await expect(page.get_by_role("heading", name="Claims helper")).to_be_visible()
        await assert_no_violation(page)
