"""A public URL with a path, behind a proxy that strips the path and behind one that doesn't."""

import re
from collections.abc import AsyncIterator, Callable
from typing import Final
from urllib.parse import quote, unquote, urlsplit

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from entrypoints.setting_rules import OWN_PATHS
from entrypoints.web.base_path import BasePath
from tests.security.test_headers import HTTPS
from tests.support.product import Browser, Product, running_product

PATH: Final = "/vet-assist"
PAGES: Final = (
    "/",
    "/va-success",
    "/va-error?error=access_denied",
    "/sessions",
    "/uses",
    "/history",
    "/disconnect",
)

#: Opens a browser whose requests go through a proxy, to the product of a public path.
Behind = Callable[[Product], Browser]


def stripped(app: ASGIApp, path: str) -> ASGIApp:
    """A proxy that strips the path, and knows no other."""

    async def proxy(scope: Scope, receive: Receive, send: Send) -> None:
        beginning = unquote(path)
        assert scope["path"] == beginning or scope["path"].startswith(f"{beginning}/")
        inside = scope["path"].removeprefix(beginning) or "/"
        await app({**scope, "path": inside, "raw_path": quote(inside).encode()}, receive, send)

    return proxy


@pytest.fixture(params=["stripping", "not stripping"])
def behind(request: pytest.FixtureRequest) -> Behind:
    def browser(product: Product) -> Browser:
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(product.settings.public_url))
        app: ASGIApp = product.app
        if request.param == "stripping":
            app = stripped(app, product.settings.public_path)
        product._hosts[origin] = app
        return product.browser()

    return browser


@pytest.fixture(params=[PATH, "/api", "/a/b", "/%C3%A9t%C3%A9"])
async def product(request: pytest.FixtureRequest) -> AsyncIterator[Product]:
    url = f"{HTTPS}{request.param}"
    async with running_product(public_url=f"{url}/", frontend_url=url) as product:
        assert product.settings.serves_front_end
        yield product


async def test_a_sign_in_and_its_session(product: Product, behind: Behind) -> None:
    browser, public_url = behind(product), product.settings.public_url
    started = await browser.get(f"{public_url}/api/v1/va/login")
    sent = httpx.URL(started.headers["location"]).params
    assert sent["redirect_uri"] == f"{public_url}/api/v1/va/callback"

    callback = await browser.consent(started.headers["location"])
    assert callback.startswith(f"{public_url}/api/v1/va/callback?")
    back = await browser.get(callback)
    location = back.headers["location"]
    assert location.startswith(f"{public_url}/va-success?token=")

    bearer = {"Authorization": f"Bearer {httpx.URL(location).params['token']}"}
    for path in ("session", "verify", "sessions", "user"):
        answer = await browser.get(f"{public_url}/api/v1/{path}", headers=bearer)
        assert answer.status_code == 200, path
    # Browsers send the cookie by the path that they see.
    renewed = await browser.post(f"{public_url}/api/v1/session/renew", headers={"Origin": HTTPS})
    assert renewed.status_code == 200


async def test_the_reference_of_an_error_reaches_its_page(product: Product, behind: Behind) -> None:
    browser, public_url = behind(product), product.settings.public_url
    started = await browser.get(f"{public_url}/api/v1/va/login")
    back = await browser.get(await browser.consent(started.headers["location"], "decline"))
    page = await browser.get(back.headers["location"])
    assert back.headers["x-request-id"] in page.text


@pytest.mark.parametrize("delivery", ["query", "code", "cookie"])
async def test_cookies_have_the_path_that_browsers_see(delivery: str, behind: Behind) -> None:
    url = f"{HTTPS}{PATH}"
    async with running_product(
        public_url=url, frontend_url=url, session_delivery=delivery
    ) as product:
        browser = behind(product)
        started = await browser.get(f"{url}/api/v1/va/login")
        back = await browser.get(await browser.consent(started.headers["location"]))
        cookies = {
            line.partition("=")[0]: re.search(r"Path=([^;]+)", line)
            for line in back.headers.get_list("set-cookie")
        }
    paths = {name: found and found[1] for name, found in cookies.items()}
    for name, path in paths.items():
        # `__Host-` is for cookies of the whole host only.
        assert path == "/" if name.startswith("__Host-") else str(path).startswith(f"{PATH}/api/")
    assert len(paths) >= 2


async def test_the_links_of_every_page_lead_somewhere(product: Product, behind: Behind) -> None:
    browser, public_url = behind(product), product.settings.public_url
    for path in PAGES:
        page = await browser.get(public_url + path)
        assert page.status_code == 200, path
        found = set(re.findall(r'(?:href|src)="([^"#]+)"', page.text))
        links = {each for each in found if not re.match(r"(tel|sms|https):", each)}
        links |= {each for each in found if each.startswith(HTTPS)}
        assert links
        for link in links:
            target = httpx.URL(page.url).join(link)
            assert (await browser.get(str(target))).status_code in {200, 303}, link


async def test_the_links_and_forms_of_a_session_in_a_cookie_lead_somewhere(behind: Behind) -> None:
    url = f"{HTTPS}{PATH}"
    async with running_product(
        public_url=url, frontend_url=url, session_delivery="cookie"
    ) as product:
        browser = behind(product)
        started = await browser.get(f"{url}/api/v1/va/login?return_to={PATH}/disconnect")
        page = await browser.get(
            (await browser.get(await browser.consent(started.headers["location"]))).headers[
                "location"
            ]
        )
        assert f'href="{PATH}/disconnect"' in page.text
        for path in PAGES:
            page = await browser.get(url + path)
            for link in re.findall(r'(?:href|src|action)="(/[^"]*)"', page.text):
                assert link.startswith(f"{PATH}/"), (path, link)
        own = {"Origin": HTTPS}
        renewed = await browser.post(
            f"{url}/api/v1/session/forms/renew", data={"return_to": "/sessions"}, headers=own
        )
        assert renewed.headers["location"] == f"{PATH}/sessions"
        spanish = await browser.get(f"{url}/language/es?return_to=/sessions")
        assert spanish.headers["location"] == f"{PATH}/sessions"
        left = await browser.post(f"{url}/api/v1/session/forms/sign-out", headers=own)
        assert left.headers["location"] == f"{PATH}/signed-out"
        assert (await browser.get(HTTPS + left.headers["location"])).status_code == 200


async def test_the_base_path_alone_is_the_start_page(product: Product, behind: Behind) -> None:
    browser = behind(product)
    start = await browser.get(f"{product.settings.public_url}/")
    assert (await browser.get(product.settings.public_url)).text == start.text


async def test_scripts_find_the_api_beside_themselves(product: Product, behind: Behind) -> None:
    script = f"{product.settings.public_url}/static/api.js"
    source = (await behind(product).get(script)).text
    (relative,) = re.findall(r"new URL\(`([^$]+)\$\{path\}`, import\.meta\.url\)", source)
    assert str(httpx.URL(script).join(relative)) == f"{product.settings.public_url}/api/v1/"
    assert '"/' not in source


async def test_probes_and_the_description(product: Product, behind: Behind) -> None:
    browser, public_url = behind(product), product.settings.public_url
    assert (await browser.get(f"{public_url}/healthz")).status_code == 200
    assert (await browser.get(f"{public_url}/readyz")).status_code == 200
    description = (await browser.get(f"{public_url}/openapi.json")).json()
    assert description["servers"] == [{"url": public_url}]


async def test_probes_and_proxies_may_leave_the_path_out(product: Product) -> None:
    inside = httpx.AsyncClient(transport=httpx.ASGITransport(product.app), base_url=HTTPS)
    async with inside as http:
        for path in ("/healthz", "/readyz", "/openapi.json"):
            assert (await http.get(path)).status_code == 200
        assert (await http.get("/api/v1/verify/records")).status_code == 401


async def test_a_path_that_only_begins_like_it_is_another(product: Product) -> None:
    inside = httpx.AsyncClient(transport=httpx.ASGITransport(product.app), base_url=HTTPS)
    async with inside as http:
        for path in ("-2/healthz", "/nowhere", "//healthz", "/healthz/"):
            assert (await http.get(product.settings.public_path + path)).status_code == 404


async def test_every_route_begins_with_a_path_that_a_public_url_may_not_have() -> None:
    """Otherwise a public URL could have a path that makes requests ambiguous."""
    for delivery in ("query", "cookie"):
        async with running_product(
            frontend_url="http://localhost:8000", session_delivery=delivery
        ) as product:
            routes = [route for route in product.app.routes if isinstance(route, Route | Mount)]
        own = [route.path for route in routes if route.path != "/"]
        assert [path for path in own if not path.startswith(OWN_PATHS)] == []


def test_other_kinds_of_connections_are_left_alone() -> None:
    async def endpoint(_request: Request) -> Response:
        return Response()

    routes: list[BaseRoute] = [Route("/x", endpoint)]
    scope = {"type": "lifespan"}
    assert BasePath(PATH, routes).inside(scope) is scope
