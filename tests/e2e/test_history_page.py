"""What happened to one's account: a person looks it up and takes it away."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from tests.e2e.test_accessibility import assert_no_violation
from tests.support.browsing import Product, answer_with, pretend_signed_in, signed_in

pytestmark = pytest.mark.browser

HEADING = "Your account history"


def an_event(summary: str, *, minute: int, device: str | None = None) -> dict[str, Any]:
    return {
        "occurred_at": f"2026-01-20T17:{minute:02d}:00Z",
        "type": "login",
        "summary": summary,
        "device": device,
        "session_id": None,
        "reference": "0123456789ab-7f" if device else None,
        "details": {},
    }


async def pretend_history(page: Page, *pages: Sequence[dict[str, Any]]) -> None:
    """Have the API tell of these, page by page."""

    async def answer(route: Route) -> None:
        _, _, after = route.request.url.partition("?after=")
        position = int(after or 0)
        following = str(position + 1) if position + 1 < len(pages) else None
        await route.fulfill(json={"events": list(pages[position]), "next": following})

    await pretend_signed_in(page)
    await page.route("**/api/v1/history*", answer)


async def test_a_person_finds_their_sign_in_and_takes_everything_away(
    page: Page, product: Product, tmp_path: Path
) -> None:
    await signed_in(page, product)
    await page.get_by_role("link", name="See your account history").click()

    await expect(page.get_by_role("heading", name=HEADING)).to_be_visible()
    events = page.get_by_role("main").get_by_role("listitem")
    await expect(events.first).to_contain_text("You signed in with VA.gov.")
    await expect(events.first).to_contain_text("Chrome")
    await expect(events.first).to_contain_text("Reference:")
    await assert_no_violation(page)

    for button, name in (("Save all as a table (CSV)", "csv"), ("Save all as JSON", "json")):
        async with page.expect_download() as started:
            await page.get_by_role("button", name=button).click()
        download = await started.value
        assert download.suggested_filename == f"vetassist-history.{name}"
        await download.save_as(tmp_path / name)
        await expect(page.get_by_role("status").first).to_have_text("The download has started.")

    with (tmp_path / "csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    told = json.loads((tmp_path / "json").read_text())["events"]
    assert [row["summary"] for row in rows] == [event["summary"] for event in told]
    assert "You signed in with VA.gov." in [row["summary"] for row in rows]


async def test_each_event_says_what_when_and_where_and_older_ones_follow(
    page: Page, product: Product
) -> None:
    await pretend_history(
        page,
        [an_event("You <b> signed in.", minute=30, device="Firefox on Linux")],
        [an_event("You signed out.", minute=20)],
    )
    await page.goto(f"{product.url}/history")
    events = page.get_by_role("main").get_by_role("listitem")

    await expect(events).to_have_count(1)
    for told in ("You <b> signed in.", "Firefox on Linux", "January 20, 2026", "0123456789ab-7f"):
        await expect(events.first).to_contain_text(told)

    await page.get_by_role("button", name="Show older entries").click()

    older = events.nth(1)
    await expect(older).to_contain_text("You signed out.")
    await expect(older.get_by_text("Reference")).to_be_hidden()
    await expect(older.get_by_role("heading")).to_be_focused()
    await expect(page.get_by_role("button", name="Show older entries")).to_be_hidden()
    await assert_no_violation(page)


async def test_what_cannot_be_had_now_is_said_and_asked_for_again(
    page: Page, product: Product
) -> None:
    await pretend_history(
        page, [an_event("You signed in.", minute=30)], [an_event("You signed out.", minute=20)]
    )
    await page.goto(f"{product.url}/history")
    events = page.get_by_role("main").get_by_role("listitem")
    await expect(events).to_have_count(1)
    await page.route("**/api/v1/history?after=*", answer_with(503), times=1)
    await page.get_by_role("button", name="Show older entries").click()
    await expect(page.get_by_role("alert")).to_contain_text("load older entries")
    await page.route("**/api/v1/history/export*", answer_with(503), times=1)
    await page.get_by_role("button", name="Save all as JSON").click()
    await expect(page.get_by_role("alert")).to_contain_text("create the file")

    await page.get_by_role("button", name="Show older entries").click()

    await expect(events).to_have_count(2)
    await expect(page.get_by_role("alert")).to_be_hidden()


async def test_nothing_is_left_on_the_page_once_the_session_has_ended(
    page: Page, product: Product
) -> None:
    await pretend_history(page, [an_event("You signed in.", minute=30)])
    await page.goto(f"{product.url}/history")
    await expect(page.get_by_text("You signed in.")).to_be_visible()

    await page.get_by_role("button", name="Sign out", exact=True).click()

    await expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    assert "You signed in." not in await page.content()
