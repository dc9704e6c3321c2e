"""Who used one's VA connection: a person looks it up."""

from collections.abc import Sequence
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from tests.e2e.test_accessibility import assert_no_violation
from tests.support.browsing import Product, answer_with, pretend_signed_in, signed_in

pytestmark = pytest.mark.browser

HEADING = "Your VA connection"


def a_use(client: str | None, *, minute: int, why: str | None) -> dict[str, Any]:
    return {
        "client": client,
        "purpose": None if why is None else "veteran_status",
        "in_order_to": why,
        "scope": "openid",
        "used_at": f"2026-01-20T17:{minute:02d}:00Z",
    }


async def pretend_uses(page: Page, *pages: Sequence[dict[str, Any]]) -> None:
    """Have the API tell of these, page by page."""

    async def answer(route: Route) -> None:
        _, _, after = route.request.url.partition("?after=")
        position = int(after or 0)
        following = str(position + 1) if position + 1 < len(pages) else None
        await route.fulfill(json={"uses": list(pages[position]), "next": following})

    await pretend_signed_in(page)
    await page.route("**/api/v1/va/uses*", answer)


async def test_a_person_finds_the_page_and_that_nobody_used_the_connection(
    page: Page, product: Product
) -> None:
    # Nobody signs in to a back end as this one, in any test.
    await signed_in(page, product, person="Greg A Anderson")
    await page.get_by_role("link", name="See who used it").click()

    await expect(page.get_by_role("heading", name=HEADING, level=1)).to_be_visible()
    await expect(page.get_by_text("been used yet.")).to_be_visible()
    await expect(page.get_by_role("button", name="Show older entries")).to_be_hidden()
    await assert_no_violation(page)


async def test_each_use_says_who_why_and_when_and_older_ones_follow(
    page: Page, product: Product
) -> None:
    await pretend_uses(
        page,
        [a_use("Helper <b>", minute=30, why="confirm that you are a Veteran")],
        [a_use(None, minute=20, why=None)],
    )
    await page.goto(f"{product.url}/uses")
    uses = page.get_by_role("main").get_by_role("listitem")

    await expect(uses).to_have_count(1)
    await expect(uses.first).to_contain_text("Helper <b>")
    await expect(uses.first).to_contain_text("in order to confirm that you are a Veteran.")
    # In the browser's own time zone.
    await expect(uses.first).to_contain_text("January 20, 2026, 12:30")
    await assert_no_violation(page)

    await page.get_by_role("button", name="Show older entries").click()

    older = uses.nth(1)
    await expect(older).to_contain_text("A service that is no longer registered")
    await expect(older.get_by_role("heading")).to_be_focused()
    await expect(page.get_by_role("button", name="Show older entries")).to_be_hidden()
    await expect(page.get_by_role("status")).to_have_text("All entries are shown.")
    await assert_no_violation(page)


async def test_older_ones_that_cannot_be_had_now_are_asked_for_again(
    page: Page, product: Product
) -> None:
    await pretend_uses(
        page,
        [a_use("Helper", minute=30, why="file a claim for you")],
        [a_use("Helper", minute=20, why="file a claim for you")],
    )
    await page.route("**/api/v1/va/uses?after=*", answer_with(503), times=1)
    await page.goto(f"{product.url}/uses")
    button = page.get_by_role("button", name="Show older entries")

    await button.click()
    await expect(page.get_by_role("alert")).to_contain_text("load older entries")
    await button.click()

    await expect(page.get_by_role("main").get_by_role("listitem")).to_have_count(2)
    await expect(page.get_by_role("alert")).to_be_hidden()


async def test_nothing_is_left_on_the_page_once_the_session_has_ended(
    page: Page, product: Product
) -> None:
    await pretend_uses(page, [a_use("Helper", minute=30, why="file a claim for you")])
    await page.goto(f"{product.url}/uses")
    await expect(page.get_by_text("Helper")).to_be_visible()

    await page.get_by_role("button", name="Sign out", exact=True).click()

    await expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    assert "Helper" not in await page.content()
