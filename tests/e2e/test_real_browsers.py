"""What people and browsers do to a sign-in, in real Chromium.

Every path ends signed in, or on a page that says what happened and has a way on.
"""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import httpx
import psycopg
import pytest
from playwright.async_api import Browser, Page, Request, Response, async_playwright, expect

from tests.support.browsing import chromium, launched, signed_in
from tests.support.database_cable import DatabaseCable, database_cable
from tests.support.whole_product import WholeProduct, whole_product

PERSON = "Tamara E Ellis"
CALLBACK = "/api/v1/va/callback"
LOGIN = "/api/v1/va/login"

pytestmark = [pytest.mark.browser, pytest.mark.long]


@dataclass(frozen=True, kw_only=True)
class Place:
    """The running product, and the cable to its database.

    Attributes:
        database_url: The database, past the cable.
    """

    product: WholeProduct
    cable: DatabaseCable
    database_url: str

    @property
    def url(self) -> str:
        return self.product.url

    @property
    def sandbox_url(self) -> str:
        return self.product.sandbox_url


@pytest.fixture(scope="module", params=["query", "cookie"])
def place(
    request: pytest.FixtureRequest, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """One product for each delivery. Only a cookie shows later who is signed in."""
    folder = tmp_path_factory.mktemp("product")
    with (
        database_cable(database_url) as cable,
        whole_product(
            folder, cable.url, session_delivery=request.param, database_timeout_seconds=1
        ) as product,
    ):
        yield Place(product=product, cable=cable, database_url=database_url)


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Chromium as people have it."""
    async with async_playwright() as playwright:
        started = await launched(playwright, chromium())
        yield started
        await started.close()


@pytest.fixture
async def callbacks(page: Page) -> list[str]:
    """The callbacks that the browser asked for, in order."""
    seen: list[str] = []

    def note(request: Request) -> None:
        if CALLBACK in request.url:
            seen.append(request.url)

    page.on("request", note)
    return seen


async def expect_signed_in(page: Page) -> None:
    await expect(page.get_by_role("heading", name="You are signed in")).to_be_visible()
    await expect(page.get_by_text("Tamara Ellis", exact=True)).to_be_visible()


async def go_on(page: Page, place: Place) -> None:
    """Follow the way on: sign in whenever the provider asks, at most twice, and arrive.

    A callback of an attempt that was used starts the sign-in again by itself. VA remembers who
    signed in there. The sandbox asks again.
    """
    at_provider = page.get_by_role("button", name=PERSON)
    signed_in_here = page.get_by_role("heading", name="You are signed in")
    for _ in range(2):
        await expect(at_provider.or_(signed_in_here)).to_be_visible()
        asked_at = page.url
        if asked_at.startswith(place.sandbox_url):
            await at_provider.click()
            await expect(page).not_to_have_url(asked_at)
    await expect_signed_in(page)


async def slow_provider(place: Place, milliseconds: int) -> None:
    """Have the provider take its time to exchange the code. 0: no longer."""
    url = f"{place.sandbox_url}/sandbox/faults"
    async with httpx.AsyncClient(trust_env=False) as client:
        if milliseconds:
            plan = {"token": {"delay_seconds": milliseconds / 1000}}
            answer = await client.put(url, json=plan)
        else:
            answer = await client.delete(url)
    assert answer.is_success


async def test_a_double_clicked_button_signs_in(
    page: Page, place: Place, callbacks: list[str]
) -> None:
    """At the start and at the provider, on a slow network: the first callback is broken off."""
    await slow_provider(place, 400)
    try:
        await page.goto(place.url)
        await page.get_by_role("link", name="Sign in with VA.gov").dblclick()
        await expect(page).to_have_url(re.compile(re.escape(place.sandbox_url)))
        # The second press comes while the browser waits for the answer to the callback, and sends
        # the callback again.
        async with page.expect_request(lambda request: CALLBACK in request.url):
            await page.get_by_role("button", name=PERSON).click(no_wait_after=True)
        await page.goto(callbacks[0])

        await go_on(page, place)
        assert len(callbacks) >= 2
    finally:
        await slow_provider(place, 0)


async def test_a_restored_tab_signs_in(page: Page, place: Place, callbacks: list[str]) -> None:
    """A browser that starts again loads the address that a tab had last: a used callback."""
    await signed_in(page, place)

    restored = await page.context.new_page()
    await restored.goto(callbacks[0])

    await go_on(restored, place)


async def test_back_signs_in(page: Page, place: Place) -> None:
    await signed_in(page, place)

    await page.go_back()

    await go_on(page, place)
    assert page.url.startswith(f"{place.url}/va-success")


async def test_eight_prefetches_cost_a_waiting_sign_in_nothing(page: Page, place: Place) -> None:
    await page.goto(place.url)
    await page.get_by_role("link", name="Sign in with VA.gov").click()
    await expect(page).to_have_url(re.compile(re.escape(place.sandbox_url)))

    # A page of the front end that has links to the login, and a browser that looks ahead.
    ahead = await page.context.new_page()
    links = "".join(f'<link rel="prefetch" href="{LOGIN}?return_to=/{n}">' for n in range(8))
    await ahead.route(
        f"{place.url}/links",
        lambda route: route.fulfill(content_type="text/html", body=f"<title>x</title>{links}"),
    )
    answers: list[Response] = []
    ahead.on("response", lambda got: answers.append(got) if LOGIN in got.url else None)
    await ahead.goto(f"{place.url}/links")
    await ahead.wait_for_function(
        "performance.getEntriesByType('resource').filter(e => e.name.includes('login')).length >= 8"
    )
    assert {answer.status for answer in answers} == {204}
    assert len(answers) == 8

    await page.get_by_role("button", name=PERSON).click()
    await expect_signed_in(page)


async def test_twenty_minutes_at_the_provider_are_no_hindrance(page: Page, place: Place) -> None:
    await page.goto(f"{place.url}{LOGIN}?return_to=/claims")
    await expect(page.get_by_role("button", name=PERSON)).to_be_visible()
    # Identity proofing takes its time. For the service, twenty minutes have passed.
    with psycopg.connect(place.database_url) as connection:
        moved = connection.execute(
            "UPDATE vetassist_login_attempts SET created_at = created_at - interval '20 minutes', "
            "expires_at = expires_at - interval '20 minutes'"
        )
        assert moved.rowcount >= 1

    await page.get_by_role("button", name=PERSON).click()

    await expect_signed_in(page)
    await expect(page.get_by_role("link", name="Continue to /claims")).to_be_visible()


async def test_the_database_is_away_when_the_sign_in_starts_and_back_for_the_next_try(
    page: Page, place: Place
) -> None:
    place.cable.cut()
    try:
        await page.goto(f"{place.url}{LOGIN}?return_to=/claims")
        await expect_out_of_service(page, place)
    finally:
        await mend(place)
    await page.get_by_role("link", name="Try again").click()

    await go_on(page, place)
    await expect(page.get_by_role("link", name="Continue to /claims")).to_be_visible()


async def test_the_database_is_away_when_the_person_comes_back_and_back_for_the_next_try(
    page: Page, place: Place
) -> None:
    await page.goto(f"{place.url}{LOGIN}?return_to=/claims")
    await expect(page.get_by_role("button", name=PERSON)).to_be_visible()
    place.cable.cut()
    try:
        await page.get_by_role("button", name=PERSON).click()
        await expect_out_of_service(page, place)
    finally:
        await mend(place)
    await page.get_by_role("link", name="Try again").click()

    await go_on(page, place)
    await expect(page.get_by_role("link", name="Continue to /claims")).to_be_visible()


async def expect_out_of_service(page: Page, place: Place) -> None:
    """A page that says what happened, and has a way on."""
    await expect(
        page.get_by_role("heading", name="VetAssist isn't available right now")
    ).to_be_visible()
    assert page.url.startswith(f"{place.url}/va-error?error=service_unavailable")
    await expect(page.get_by_text("contact VetAssist support")).to_be_visible()


async def mend(place: Place) -> None:
    place.cable.mend()
    ready = f"{place.url}/readyz"
    place.product.service.until(lambda: httpx.get(ready, trust_env=False).status_code == 200)
