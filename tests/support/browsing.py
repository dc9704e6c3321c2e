"""A person at a browser: what they do over and over, and an API that says what a test wants."""

import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

import httpx
from playwright.async_api import Browser, BrowserContext, Page, Playwright, Route, expect

TOKEN_SHAPED: Final = "e30.e30.c2ln"  # header and claims are empty objects

_ARGUMENTS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Product(Protocol):
    """The running service and the simulated VA it sends people to."""

    @property
    def url(self) -> str: ...

    @property
    def sandbox_url(self) -> str: ...


def chromium() -> str | None:
    """Where the machine's own Chromium is."""
    return shutil.which("chromium")


def light_chromium() -> str | None:
    """Chromium without its windows, which takes half the processor time; else Chromium itself."""
    return shutil.which("chromium-headless-shell") or chromium()


async def launched(playwright: Playwright, path: str | None) -> Browser:
    """A headless Chromium: the one at that path."""
    return await playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)


@asynccontextmanager
async def visitor(browser: Browser, **options: Any) -> AsyncIterator[BrowserContext]:
    """A new visitor; nothing on their pages may fail or be blocked by the content policy."""
    context = await browser.new_context(timezone_id="America/New_York", **options)
    faults: list[str] = []
    context.on("weberror", lambda error: faults.append(str(error.error)))
    context.on(
        "console",
        lambda message: (
            faults.append(message.text) if "Content Security Policy" in message.text else None
        ),
    )
    yield context
    await context.close()
    assert not faults


async def sign_in(page: Page, product: Product, *, person: str = "Tamara E Ellis") -> None:
    """By the start page and the simulated VA, without a look at where it ends."""
    await page.goto(product.url)
    await page.get_by_role("link", name="Sign in with VA.gov").click()
    await expect(page).to_have_url(re.compile(re.escape(product.sandbox_url)))
    await page.get_by_role("button", name=person).click()


async def signed_in(page: Page, product: Product, *, person: str = "Tamara E Ellis") -> None:
    """The same, up to the page that says so."""
    await sign_in(page, product, person=person)
    await expect(page.get_by_role("heading", name="You are signed in")).to_be_visible()


async def stored_token(page: Page) -> str | None:
    """The token that the page's tab keeps."""
    token = await page.evaluate("sessionStorage.getItem('vetassist.token')")
    assert token is None or isinstance(token, str)
    return token


async def status_of_session(product: Product, token: str) -> int:
    """What the service answers to whoever shows the token."""
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(
            f"{product.url}/api/v1/session", headers={"Authorization": f"Bearer {token}"}
        )
    return answer.status_code


Answer = Callable[[Route], Awaitable[None]]


def answer_with(status: int, body: object = None) -> Answer:
    """For ``page.route``."""

    async def answer(route: Route) -> None:
        await route.fulfill(status=status, json={} if body is None else body)

    return answer


async def pretend_signed_in(
    page: Page | BrowserContext,
    *,
    ends_in: timedelta = timedelta(minutes=30),
    can_extend: bool = True,
) -> None:
    """Have the API speak for a session that began just now, and warns 2 minutes before its end."""
    await page.route(
        "**/api/v1/session", answer_with(200, a_session(ends_in=ends_in, can_extend=can_extend))
    )
    await page.route("**/api/v1/user", answer_with(200, _USER))
    await page.route("**/api/v1/sessions", answer_with(200, {"sessions": some_places()}))


def a_session(
    *, ends_in: timedelta = timedelta(minutes=30), can_extend: bool = True
) -> dict[str, object]:
    """What GET /api/v1/session answers."""
    now = datetime.now(UTC)
    end = now + ends_in
    return {
        "session_id": "a-session",
        "user_id": "a-user",
        "issued_at": now.isoformat(),
        "renewed_at": now.isoformat(),
        "expires_at": end.isoformat(),
        "va_linked": True,
        "idle_expires_at": end.isoformat(),
        "absolute_expires_at": (now + timedelta(hours=12)).isoformat(),
        "can_extend": can_extend,
        "warn_at": (end - timedelta(minutes=2)).isoformat(),
    }


def some_places(*others: str) -> list[dict[str, object]]:
    """Sessions of GET /api/v1/sessions: this one, and on ``others``."""
    now = datetime.now(UTC)
    return [
        {
            "session_id": f"session-{number}",
            "device": device,
            "issued_at": (now - timedelta(hours=number)).isoformat(),
            "renewed_at": (now - timedelta(minutes=number)).isoformat(),
            "expires_at": (now + timedelta(minutes=20)).isoformat(),
            "current": number == 0,
        }
        for number, device in enumerate(("Firefox on Linux", *others))
    ]


_USER: Final = {
    "user_id": "a-user",
    "given_name": "<b>Given</b>",
    "family_name": None,
    "email": None,
    "veteran_status": "unknown",
    "last_login_at": None,
    "va_sign_in_needed": True,
}
