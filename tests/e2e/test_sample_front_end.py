"""The library for front ends in a real browser, on another origin than the service.

And the snippets of the documents, run as they are written.
"""

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Final

import pytest
from playwright.async_api import BrowserContext, Page, Request, Route, expect

from domain.front_end import SessionDelivery
from tests.e2e.conftest import ProductFactory
from tests.e2e.test_accessibility import AXE, violations
from tests.support.front_end_site import Site, front_end_site
from tests.support.processes import HOST, REPOSITORY, run
from tests.support.whole_product import WholeProduct

pytestmark = pytest.mark.browser

#: A page that has the library at hand.
LAB = """
import { BrowserSession } from "vetassist-client";
window.session = new BrowserSession(API);
window.opened = session.open();
"""
WITHOUT_LOCKS = "Object.defineProperty(navigator, 'locks', { value: undefined })"

DOCUMENTS: Final = (REPOSITORY / "README.md", REPOSITORY / "docs" / "front-ends.md")
SNIPPETS: Final = {
    name: text
    for document in DOCUMENTS
    for name, text in re.findall(
        r"<!-- snippet: ([\w-]+) -->\n```js\n(.*?)```", document.read_text(), re.DOTALL
    )
}
#: Pages with a snippet, and what they show.
WITH_LIBRARY: Final = {
    "session": (
        "%s document.querySelector('#outcome').textContent = status + ' ' + user.given_name",
        "signed-in Tamara",
    ),
    "states": (
        "const show = ({ status }) => document.querySelector('#outcome').append(status); %s",
        "signed-in",
    ),
}
BY_HAND: Final = """
%s
window.handed = { token, ...session };
%s
window.renewed = { token, ...session };
%s
const once_more = await fetch(`${API}/api/v1/session/renew`, {
  method: "POST", credentials: "include",
});
document.querySelector("#outcome").textContent = once_more.status;
"""


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with front_end_site() as started:
        started.scripts["/lab"] = LAB
        yield started


@pytest.fixture(
    scope="module",
    params=[
        SessionDelivery.COOKIE,
        pytest.param(SessionDelivery.QUERY, marks=pytest.mark.long),
        pytest.param(SessionDelivery.FRAGMENT, marks=pytest.mark.long),
        pytest.param(SessionDelivery.CODE, marks=pytest.mark.long),
    ],
)
def product(
    request: pytest.FixtureRequest, site: Site, product_with: ProductFactory
) -> Iterator[WholeProduct]:
    """A product that delivers to the site in each way in turn."""
    delivery: SessionDelivery = request.param
    with product_with(session_delivery=delivery.value, frontend_url=site.url) as started:
        site.service_url = started.url
        yield started


async def sign_in(page: Page, product: WholeProduct, site: Site) -> None:
    await page.goto(f"{site.url}/claims")
    await page.get_by_role("link", name="Sign in with VA.gov").click()
    await page.get_by_role("button", name="Tamara E Ellis").click()
    await expect(page.get_by_text("Signed in as Tamara")).to_be_visible()


def watched(context: BrowserContext) -> tuple[list[Request], list[str]]:
    """What the pages send and write to the console, from now on."""
    calls: list[Request] = []
    written: list[str] = []

    def note(request: Request) -> None:
        calls.append(request)

    context.on("request", note)
    context.on("console", lambda message: written.append(message.text))
    return calls, written


async def test_a_user_signs_in_reloads_opens_a_tab_and_signs_out_of_both(
    page: Page, product: WholeProduct, site: Site
) -> None:
    calls, written = watched(page.context)
    await sign_in(page, product, site)
    assert page.url == f"{site.url}/claims"

    await page.reload()
    await expect(page.get_by_text("Signed in as Tamara")).to_be_visible()
    second = await page.context.new_page()
    await second.goto(f"{site.url}/claims")
    await expect(second.get_by_text("Signed in as Tamara")).to_be_visible()
    await page.get_by_role("button", name="Sign out").click()
    for each in (page, second):
        await expect(each.get_by_role("heading", name="You are signed out")).to_be_visible()

    # A JWT begins like this. It is in the address of the hand-over at most.
    assert [c for c in calls if "eyJ" in c.url and "/va-success" not in c.url] == []
    assert [text for text in written if "eyJ" in text] == []
    assert await page.evaluate("sessionStorage.length + localStorage.length") == 0
    await page.go_back()
    assert "eyJ" not in page.url


@pytest.mark.long
async def test_a_sign_in_that_fails_says_so_and_leads_back_to_the_same_page(
    page: Page, product: WholeProduct, site: Site
) -> None:
    await page.goto(f"{site.url}/claims")
    await page.get_by_role("link", name="Sign in with VA.gov").click()
    await page.get_by_role("button", name="Decline").click()
    await expect(page.get_by_text("VA.gov didn't let you sign in.")).to_be_visible()
    await page.get_by_role("link", name="Sign in with VA.gov").click()
    await page.get_by_role("button", name="Tamara E Ellis").click()
    await expect(page.get_by_text("Signed in as Tamara")).to_be_visible()
    assert page.url == f"{site.url}/claims"


@pytest.mark.parametrize(
    "has_locks", [True, pytest.param(False, marks=pytest.mark.long)], ids=["locks", "no locks"]
)
async def test_tabs_renew_once(
    page: Page, product: WholeProduct, site: Site, *, has_locks: bool
) -> None:
    await sign_in(page, product, site)
    context = page.context
    if not has_locks:
        await context.add_init_script(WITHOUT_LOCKS)
    tabs = [page, await context.new_page(), await context.new_page()]
    for tab in tabs:
        await tab.goto(f"{site.url}/lab")
        await tab.evaluate("opened")
    calls, _ = watched(context)
    all_have_asked = asyncio.Event()

    async def answer_late(route: Route) -> None:
        await all_have_asked.wait()
        await route.continue_()

    await context.route("**/api/v1/session/renew", answer_late)
    for tab in tabs:
        await tab.evaluate("void (window.extending = session.extend())")
    all_have_asked.set()
    for tab in tabs:
        await tab.evaluate("extending")

    renewals = [call for call in calls if call.url.endswith("/renew") and call.method == "POST"]
    assert len(renewals) == 1
    ends = {await tab.evaluate("session.state.session.expires_at") for tab in tabs}
    assert len(ends) == 1
    for tab in tabs:
        assert (await tab.evaluate("session.user()"))["given_name"] == "Tamara"


async def test_a_key_renews_and_a_return_asks_whether_the_session_stands(
    page: Page, product: WholeProduct, site: Site
) -> None:
    await page.clock.install()
    await sign_in(page, product, site)
    await page.clock.fast_forward("20:00")
    async with page.expect_response("**/api/v1/session/renew") as renewed:
        await page.keyboard.press("Tab")
    assert (await renewed.value).ok
    await page.clock.fast_forward("00:11")
    async with page.expect_response("**/api/v1/session") as shown:
        await page.evaluate("dispatchEvent(new Event('focus'))")
    assert (await shown.value).ok


@pytest.mark.parametrize("snippet", WITH_LIBRARY)
async def test_the_documents_snippets_of_the_library_take_a_session_over(
    page: Page, product: WholeProduct, site: Site, snippet: str
) -> None:
    script, outcome = WITH_LIBRARY[snippet]
    with site.showing("/va-success", script % SNIPPETS[snippet]):
        await page.goto(f"{product.url}/api/v1/va/login")
        await page.get_by_role("button", name="Tamara E Ellis").click()
        await expect(page.locator("#outcome")).to_have_text(outcome)
        assert page.url == f"{site.url}/va-success"


async def test_the_documents_snippets_by_hand_take_over_renew_and_sign_out(
    page: Page, product: WholeProduct, site: Site
) -> None:
    delivery = product.environment["VETASSIST_SESSION_DELIVERY"]
    first = SNIPPETS[delivery] if delivery in SNIPPETS else SNIPPETS["address"]
    script = BY_HAND % (first, SNIPPETS["renew"], SNIPPETS["sign-out"])
    with site.showing("/va-success", script):
        await page.goto(f"{product.url}/api/v1/va/login")
        await page.get_by_role("button", name="Tamara E Ellis").click()
        await expect(page.locator("#outcome")).to_have_text("401")

    handed, renewed = await page.evaluate("handed"), await page.evaluate("renewed")
    assert handed["session_id"] == renewed["session_id"]
    assert (handed["token"] is None, renewed["token"] is None) == (delivery == "cookie",) * 2
    assert delivery == "cookie" or handed["token"] != renewed["token"]
    assert "warn_at" in renewed


@pytest.mark.long
async def test_the_documents_snippet_of_a_failure_leads_back(
    page: Page, product: WholeProduct, site: Site
) -> None:
    with site.showing("/va-error", SNIPPETS["try-again"]):
        await page.goto(f"{product.url}/api/v1/va/login?return_to=%2Fclaims%3Fa%3D1")
        await page.get_by_role("button", name="Decline").click()
        again = page.get_by_role("link", name="Try again")
        await expect(again).to_have_attribute(
            "href", f"{product.url}/api/v1/va/login?return_to=%2Fclaims%3Fa%3D1"
        )


def test_every_snippet_is_run() -> None:
    assert SNIPPETS.keys() == {
        *("session", "states", "address", "code", "cookie", "renew", "sign-out", "try-again")
    }


@pytest.mark.long
async def test_a_user_is_warned_and_stays(
    page: Page, site: Site, product_with: ProductFactory
) -> None:
    limits = {"session_idle_minutes": 1, "jwt_expiry_minutes": 1, "session_warning_seconds": 58}
    with product_with(session_delivery="code", frontend_url=site.url, **limits) as product:
        site.service_url = product.url
        await sign_in(page, product, site)
        dialog = page.get_by_role("dialog", name="Your session ends at")
        await expect(dialog).to_be_visible()
        await page.evaluate(AXE)
        assert await violations(page, {}) == {}
        async with page.expect_response("**/api/v1/session/renew") as renewed:
            await dialog.get_by_role("button", name="Stay signed in").click()
        assert (await renewed.value).ok
        await expect(dialog).to_be_hidden()


@pytest.mark.long
@pytest.mark.parametrize(("keep", "status"), [("memory", "signed-out"), ("tab", "signed-in")])
async def test_on_another_site_a_token_survives_a_reload_only_in_the_tab(
    page: Page, site: Site, product_with: ProductFactory, keep: str, status: str
) -> None:
    elsewhere = site.url.replace(HOST, "localhost")
    script = LAB.replace("(API)", f"(API, {{ keep: '{keep}' }})")
    with (
        product_with(session_delivery="query", frontend_url=elsewhere) as product,
        site.showing("/va-success", script),
    ):
        site.service_url = product.url
        await page.goto(f"{product.url}/api/v1/va/login")
        await page.get_by_role("button", name="Tamara E Ellis").click()
        await page.wait_for_url("**/va-success")
        assert (await page.evaluate("opened"))["status"] == "signed-in"
        await page.reload()
        assert (await page.evaluate("opened"))["status"] == status


@pytest.mark.long
async def test_a_registered_front_end_signs_in_by_its_own_delivery(
    page: Page, site: Site, product_with: ProductFactory
) -> None:
    with product_with(session_delivery="cookie") as product:
        add = ("front-end", "add", "The sample", "--url", site.url, "--delivery", "code", "--json")
        added = json.loads(run(*add, environment=product.environment).stdout)
        script = LAB.replace("(API)", f"(API, {{ frontEnd: '{added['front_end_id']}' }})")
        site.service_url = product.url
        calls, _ = watched(page.context)
        with site.showing("/lab", script), site.showing("/va-success", script):
            await page.goto(f"{site.url}/lab")
            assert (await page.evaluate("opened"))["status"] == "signed-out"
            await page.evaluate("session.signIn()")
            await page.get_by_role("button", name="Tamara E Ellis").click()
            await page.wait_for_url("**/va-success?return_to=%2Flab")
            assert (await page.evaluate("opened"))["status"] == "signed-in"
            assert [place["front_end"] for place in await page.evaluate("session.places()")] == [
                "The sample"
            ]
            await page.reload()
            assert (await page.evaluate("opened"))["status"] == "signed-in"
            await page.evaluate("session.signOut()")
    redeemed = [call for call in calls if call.url.endswith("/redeem") and call.method == "POST"]
    assert len(redeemed) == 1
