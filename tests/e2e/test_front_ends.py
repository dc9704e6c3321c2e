"""Two front ends at different origins, with different deliveries and limits, in one browser."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.support.processes import HOST, run
from tests.support.whole_product import WholeProduct

pytestmark = [pytest.mark.browser, pytest.mark.long]

_PAGE: Final = "<!doctype html><title>A front end</title><h1>Back from VA</h1>"
#: Calls the API as a page's script does, with the browser's cookies.
_CALL: Final = """
async ([url, method, body, token]) => {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  if (body) headers["Content-Type"] = "application/json";
  try {
    const response = await fetch(url, {
      method, headers, credentials: "include", body: body ? JSON.stringify(body) : undefined,
    });
    const text = await response.text();
    return { status: response.status, body: text ? JSON.parse(text) : null };
  } catch (error) {
    return { status: 0, body: null };
  }
}
"""


class Pages(BaseHTTPRequestHandler):
    """The same page at each address."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(_PAGE.encode())

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - as there
        """Silent."""


@contextmanager
def served() -> Iterator[str]:
    """An origin with such pages."""
    with ThreadingHTTPServer((HOST, 0), Pages) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://{HOST}:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@dataclass(frozen=True, kw_only=True)
class Site:
    """A registered front end."""

    url: str
    id: str


def vetassist(product: WholeProduct, *arguments: str) -> str:
    """What an operator's command prints."""
    done = run("front-end", *arguments, environment=product.environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def registered(product: WholeProduct, *options: str) -> Iterator[Site]:
    with served() as url:
        told = json.loads(vetassist(product, "add", "A site", "--url", url, *options, "--json"))
        yield Site(url=url, id=told["front_end_id"])
        vetassist(product, "disable", told["front_end_id"], "--reason", "test")


@pytest.fixture(scope="module")
def by_cookie(product: WholeProduct) -> Iterator[Site]:
    with registered(product, "--delivery", "cookie", "--idle-minutes", "5") as site:
        yield site


@pytest.fixture(scope="module")
def by_code(product: WholeProduct) -> Iterator[Site]:
    limits = ("--idle-minutes", "10", "--absolute-minutes", "60")
    with registered(product, "--delivery", "code", *limits) as site:
        yield site


@pytest.fixture(scope="module")
def unregistered() -> Iterator[str]:
    with served() as url:
        yield url


async def call(
    page: Page,
    product: WholeProduct,
    path: str,
    method: str = "GET",
    *,
    body: object = None,
    token: str | None = None,
) -> tuple[int, Any]:
    """What a page's script gets from the API. Status 0: the browser lets it see nothing."""
    url = f"{product.url}/api/v1/{path}"
    answer = await page.evaluate(_CALL, [url, method, body, token])
    return answer["status"], answer["body"]


async def opened(context: BrowserContext, url: str) -> Page:
    page = await context.new_page()
    await page.goto(f"{url}/")
    return page


async def sign_in(page: Page, product: WholeProduct, site: Site, person: str) -> dict[str, str]:
    """A sign-in from the site; what the address says when the browser is back there."""
    await page.goto(f"{product.url}/api/v1/va/login?front_end={site.id}&return_to=/claims")
    await expect(page).to_have_url(re.compile(re.escape(product.sandbox_url)))
    await page.get_by_role("button", name=person).click()
    await expect(page.get_by_role("heading", name="Back from VA")).to_be_visible()
    there = urlsplit(page.url)
    assert (f"{there.scheme}://{there.netloc}", there.path) == (site.url, "/va-success")
    return {name: value for name, (value,) in parse_qs(there.query).items()}


def minutes(session: dict[str, str]) -> int:
    """How long a session lasts that was just opened, to the nearest minute."""
    ends, began = (
        datetime.fromisoformat(session[name]) for name in ("idle_expires_at", "issued_at")
    )
    return round((ends - began) / timedelta(minutes=1))


async def test_two_front_ends_side_by_side_and_neither_can_use_what_is_the_others(
    page: Page, product: WholeProduct, by_cookie: Site, by_code: Site, unregistered: str
) -> None:
    context = page.context
    one, other = await opened(context, by_cookie.url), await opened(context, by_code.url)

    # One gets its session in a cookie, and the other one by a code.
    told = await sign_in(one, product, by_cookie, "Tamara E Ellis")
    assert set(told) == {"expires", "return_to"}
    told = await sign_in(other, product, by_code, "Janet L Moore")
    assert (set(told), told["return_to"]) == ({"code", "return_to"}, "/claims")

    status, session = await call(one, product, "session")
    assert (status, minutes(session)) == (200, 5)
    # Neither the other front end nor that of the settings has a session in this cookie.
    stranger = await opened(context, unregistered)
    assert (await call(other, product, "session"))[0] == 401
    assert (await call(stranger, product, "session"))[0] == 0
    assert (await context.request.get(f"{product.url}/api/v1/verify")).status == 401
    own = f"{product.url}/api/v1/front-ends/{by_cookie.id}/verify"
    assert (await context.request.get(own)).status == 200

    # A code is worth something only where it was sent to.
    code = {"code": told["code"]}
    assert (await call(one, product, "session/redeem", "POST", body=code))[0] == 401
    assert (await call(stranger, product, "session/redeem", "POST", body=code))[0] == 0
    status, redeemed = await call(other, product, "session/redeem", "POST", body=code)
    assert status == 200
    token = redeemed["token"]
    status, session = await call(other, product, "session", token=token)
    assert (status, minutes(session)) == (200, 10)
    # The page of one can do nothing with the other's token.
    assert (await call(one, product, "session", token=token))[0] == 401
    assert (await call(stranger, product, "session", token=token))[0] == 0

    # Each renews its own session, and nobody else's.
    names = []
    for site in (one, other):
        status, renewed = await call(site, product, "session/renew", "POST")
        assert status == 200
        bearer = renewed.get("token")
        names.append((await call(site, product, "user", token=bearer))[1]["given_name"])
    assert names == ["Tamara", "Janet"]
    assert (await call(stranger, product, "session/renew", "POST"))[0] == 0

    # The sign-out at one ends nothing at the other.
    assert (await call(one, product, "session", "DELETE"))[0] == 204
    assert (await call(one, product, "session"))[0] == 401
    assert (await call(other, product, "session/renew", "POST"))[0] == 200
