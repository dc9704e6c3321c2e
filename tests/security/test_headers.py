"""The headers of every answer, and who else's pages may read it.

Every answer of every set-up is checked for what must hold. For one set-up, all headers of every
route are in ``headers_snapshot.json``, so that no header comes or goes unseen. After an intended
change, this writes the file again, and its diff is what to review::

    RENEW_SNAPSHOT=1 .venv/bin/python -m pytest tests/security/test_headers.py
"""

import json
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import pytest
from pytest_mock import MockerFixture
from starlette.routing import Mount, Route

from adapters.memory.user_directory import MemoryUserDirectory
from application.errors import UnavailableError
from entrypoints.web.session_endpoints import VERIFY_PATH
from tests.security.cookies import OUR_PAGE, REDEEM, RENEW
from tests.support.product import CALLBACK, LOGIN, SERVICE_URL, Product, running_product

SNAPSHOT: Final = Path(__file__).with_name("headers_snapshot.json")
RENEW_BY: Final = "RENEW_SNAPSHOT"
HTTPS: Final = "https://vetassist.example"
FRONT_END: Final = "https://app.vetassist.example"
EVIL: Final = "https://evil.example"

#: The headers of each answer, by what was asked.
Noted = dict[str, list[str]]

#: What differs from run to run, and what is shown in its place.
_VARYING: Final = [
    (re.compile(r"[0-9a-f]{12}-[0-9a-f]+"), "REQUEST"),
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "UUID"),
    (re.compile(r"[\w-]{20,}\.[\w-]{20,}\.[\w-]{43}(?![\w-])"), "TOKEN"),
    (re.compile(r"[\w-]{43}(?![\w-])"), "SECRET"),
    (re.compile(r"vetassist_(login|began)_[\w=-]{16}"), r"vetassist_\1_ATTEMPT"),
]
_VARYING_WHOLE: Final = {"content-length", "etag", "last-modified"}


def shown(answer: httpx.Response) -> list[str]:
    """Every header of an answer, as it was sent, but for what no two answers share."""
    lines = []
    for name, value in sorted(answer.headers.multi_items()):
        text = "..." if name in _VARYING_WHOLE else value
        if name == "set-cookie":
            # When it ends follows from the clock, and Max-Age says it already.
            text = re.sub(r"expires=[^;]*; ", "", text, flags=re.IGNORECASE)
        for pattern, instead in _VARYING:
            text = pattern.sub(instead, text)
        lines.append(f"{name}: {text}")
    return lines


class Recorder:
    """Takes note of the headers of each answer, under what was asked."""

    def __init__(self, product: Product) -> None:
        self.noted: Noted = {}
        self.routes: set[tuple[str, str]] = set()
        self._product = product

    def client(self) -> httpx.AsyncClient:
        """A new browser whose answers are noted."""
        client = self._product.browser().http
        client.event_hooks["response"].append(self.note)
        return client

    async def note(self, answer: httpx.Response) -> None:
        """For a browser's hooks."""
        request = answer.request
        if not str(request.url).startswith(self._product.settings.public_url):
            return
        asked = f"{request.method} {self._template(request.method, request.url.path)}"
        for name, means in (("authorization", "token"), ("cookie", "cookie")):
            if name in request.headers:
                asked += f" with a {means}"
        if "origin" in request.headers:
            asked += f" from {request.headers['origin']}"
        asked += f": {answer.status_code}"
        if "location" in answer.headers:
            target = urlsplit(answer.headers["location"])
            asked += f" to {target.path}"
            asked += f"?{target.query}" if target.path == "/va-error" else ""
        headers = shown(answer)
        assert self.noted.setdefault(asked, headers) == headers, asked

    def _template(self, method: str, path: str) -> str:
        template = path
        for route in self._product.app.routes:
            if isinstance(route, Route) and route.path_regex.match(path):
                template = re.sub(r":\w+}", "}", route.path)
                if method in (route.methods or ()):
                    self.routes.add((method, route.path))
        return template


async def visit_api(recorder: Recorder, product: Product) -> None:
    """Ask every route of the API in the ways it is asked: by nobody, and by somebody."""
    stranger = recorder.client()
    for route in product.app.routes:
        if isinstance(route, Mount):
            continue
        assert isinstance(route, Route)
        path = re.sub(r"{[^}]*}", "0b9d6f2e-4c1a-4e37-9b7d-5f6a7b8c9d0e", route.path)
        for method in sorted(route.methods or ()):
            await stranger.request(method, path)
            token = await a_token(product)
            await recorder.client().request(
                method, path, headers={"Authorization": f"Bearer {token}"}
            )
    await stranger.get(LOGIN, params={"return_to": "//evil.example"})
    await stranger.head(LOGIN)
    await stranger.head(CALLBACK)
    await stranger.post("/api/v1/session")
    await stranger.get("/nowhere")


async def a_token(product: Product) -> str:
    """A token of a session of its own, however sessions are delivered."""
    browser = product.browser()
    parameters = (await browser.sign_in()).parameters
    if "token" in parameters:
        return parameters["token"]
    if "code" in parameters:
        answer = await browser.post(REDEEM, json={"code": parameters["code"]}, headers=OUR_PAGE)
        token: str = answer.json()["token"]
        return token
    (value,) = (cookie.value for cookie in browser.http.cookies.jar if "_session" in cookie.name)
    assert value
    return value


async def visit_sign_in(recorder: Recorder, product: Product) -> None:
    """A sign-in, what its cookies are for, and the log-out."""
    browser = product.browser()
    browser.http.event_hooks["response"].append(recorder.note)
    parameters = (await browser.sign_in()).parameters
    if "code" in parameters:
        body = {"code": parameters["code"]}
        await browser.post(REDEEM, json=body)
        await browser.post(REDEEM, json=body, headers=OUR_PAGE)
        await browser.post(REDEEM, json=body, headers=OUR_PAGE)
    await browser.post(RENEW)
    await browser.post(RENEW, content=b"x", headers=OUR_PAGE)
    await browser.post(RENEW, headers=OUR_PAGE)
    await browser.get("/api/v1/session")
    await browser.get(VERIFY_PATH)
    await browser.delete("/api/v1/session")
    await browser.delete("/api/v1/session", headers=OUR_PAGE)
    await browser.attempt("decline")


async def visit_other_origins(recorder: Recorder, product: Product) -> None:
    """What pages of other origins are told."""
    for origin in (FRONT_END, EVIL, "null"):
        client, asks = recorder.client(), {"Origin": origin}
        for path in ("/api/v1/session", "/api/v1/sessions", RENEW, REDEEM, VERIFY_PATH):
            await client.options(
                path,
                headers={
                    **asks,
                    "Access-Control-Request-Method": "DELETE",
                    "Access-Control-Request-Headers": "authorization",
                },
            )
        await client.get("/api/v1/session", headers=asks)
        token = await a_token(product)
        await client.get("/api/v1/session", headers={**asks, "Authorization": f"Bearer {token}"})


async def visit_faults(recorder: Recorder, product: Product, mocker: MockerFixture) -> None:
    """An outage and a bug."""
    token = await a_token(product)
    headers = {"Authorization": f"Bearer {token}"}
    for fault in (UnavailableError, RuntimeError):
        stopped = mocker.patch.object(MemoryUserDirectory, "find", side_effect=fault)
        await recorder.client().get("/api/v1/user", headers=headers)
        mocker.stop(stopped)


async def visit_pages(recorder: Recorder, product: Product) -> None:
    await recorder.client().get("/static/style.css")
    await recorder.client().get("/static/nothing.css")


async def visit_all(product: Product, mocker: MockerFixture) -> Recorder:
    recorder = Recorder(product)
    await visit_api(recorder, product)
    await visit_sign_in(recorder, product)
    await visit_other_origins(recorder, product)
    await visit_faults(recorder, product, mocker)
    if product.settings.serves_front_end:
        await visit_pages(recorder, product)
    return recorder


SET_UPS: Final[dict[str, dict[str, str]]] = {
    "http, its own front end": {"public_url": SERVICE_URL, "frontend_url": SERVICE_URL},
    "https, its own front end, by cookie": {
        "public_url": HTTPS,
        "frontend_url": HTTPS,
        "session_delivery": "cookie",
    },
    "https, its own front end, by code": {
        "public_url": HTTPS,
        "frontend_url": HTTPS,
        "session_delivery": "code",
    },
    "https, a front end elsewhere, by cookie": {
        "public_url": HTTPS,
        "frontend_url": FRONT_END,
        "session_delivery": "cookie",
    },
}
#: The set-up of the snapshot: it has pages, and what only HTTPS has.
SNAPSHOT_OF: Final = "https, its own front end, by code"


def grouped(noted: Noted) -> dict[str, list[str]]:
    """The answers by their headers: most routes share theirs with others."""
    answers: dict[str, list[str]] = {}
    for asked, lines in sorted(noted.items()):
        answers.setdefault("\n".join(lines), []).append(asked)
    return answers


def written(noted: Noted) -> str:
    groups = [
        {"answers": asked, "headers": headers.split("\n")}
        for headers, asked in grouped(noted).items()
    ]
    return json.dumps(groups, indent=1) + "\n"


@pytest.mark.parametrize("set_up", SET_UPS)
async def test_every_answer_has_the_headers_that_protect_it(
    set_up: str, mocker: MockerFixture
) -> None:
    settings: dict[str, Any] = SET_UPS[set_up]
    async with running_product(login_rate=0, **settings) as product:
        recorder = await visit_all(product, mocker)
        routes = {
            (method, route.path)
            for route in product.app.routes
            if isinstance(route, Route)
            for method in route.methods or ()
        }

    assert recorder.routes == routes, "a route was not visited"
    assert len(recorder.noted) > 50
    for asked, lines in recorder.noted.items():
        assert_protected(asked, lines, is_https=set_up.startswith("https"))
    if set_up == SNAPSHOT_OF:
        if RENEW_BY in os.environ:
            SNAPSHOT.write_text(written(recorder.noted))
        assert written(recorder.noted) == SNAPSHOT.read_text(), (
            f"headers have changed; if that is intended, run this test with {RENEW_BY}=1 set"
        )


def assert_protected(asked: str, lines: list[str], *, is_https: bool) -> None:
    names = [line.partition(": ")[0] for line in lines]
    assert not {name for name in names if names.count(name) > 1} - {"set-cookie"}, asked
    assert "server" not in names, asked
    headers = dict(line.split(": ", 1) for line in lines)
    assert headers["cache-control"] == "no-store", asked
    assert headers["x-content-type-options"] == "nosniff", asked
    assert ("strict-transport-security" in headers) is is_https, asked
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; "), asked
    assert "base-uri 'none'" in policy, asked
    assert "frame-ancestors 'none'" in policy, asked
    assert "unsafe" not in policy, asked
    is_page = headers.get("content-type", "").startswith("text/html")
    assert headers.get("x-frame-options") == ("DENY" if is_page else None), asked
    # With "no-referrer" a form's POST has "Origin: null", so pages with forms can't have it.
    referrer_policies = {"no-referrer", "same-origin"} if is_page else {"no-referrer"}
    assert headers["referrer-policy"] in referrer_policies, asked
    opener_policy = headers.get("cross-origin-opener-policy")
    assert opener_policy == ("same-origin" if is_page else None), asked
    assert headers.get("access-control-allow-origin", FRONT_END) == FRONT_END, asked
    for cookie in (line for line in lines if line.startswith("set-cookie: ")):
        assert "; HttpOnly" in cookie, asked
        assert "Domain" not in cookie, asked
        assert ("; Secure" in cookie) is is_https, asked
        assert re.search(r"; SameSite=(lax|strict)", cookie), asked


# Pages of other origins.


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    """A service whose front end is elsewhere."""
    async with running_product(
        public_url=HTTPS, frontend_url=FRONT_END, session_delivery="cookie"
    ) as product:
        yield product


OTHERS: Final = [
    EVIL,
    "null",
    "http://app.vetassist.example",
    f"{FRONT_END}:8443",
    f"{FRONT_END}.evil.example",
    f"{FRONT_END}/",
    "https://evil-app.vetassist.example",
    "https://vetassist.example.evil.example",
    "*",
    "",
]


def cors_of(answer: httpx.Response) -> dict[str, str]:
    return {
        name.removeprefix("access-control-"): value
        for name, value in answer.headers.items()
        if name.startswith("access-control-")
    }


async def preflight(
    product: Product, origin: str, *, method: str = "DELETE", path: str = "/api/v1/session"
) -> httpx.Response:
    return await product.browser().http.options(
        path,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "authorization,content-type",
        },
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/session"),
        ("DELETE", "/api/v1/session"),
        ("DELETE", "/api/v1/sessions"),
        ("POST", RENEW),
        ("POST", REDEEM),
    ],
)
async def test_a_page_of_the_front_end_may_call_with_its_cookies(
    product: Product, method: str, path: str
) -> None:
    answer = await preflight(product, FRONT_END, method=method, path=path)

    assert answer.status_code == 200
    allowed = cors_of(answer)
    assert allowed["allow-origin"] == FRONT_END
    assert allowed["allow-credentials"] == "true"
    assert method in allowed["allow-methods"]
    assert {"Authorization", "Content-Type"} <= set(allowed["allow-headers"].split(", "))
    assert "*" not in str(allowed)
    assert "Origin" in answer.headers["vary"].split(", ")


async def test_a_page_of_the_front_end_may_read_every_answer(product: Product) -> None:
    browser = product.browser()
    await browser.sign_in()
    asks = {"Origin": FRONT_END}
    calls: list[Callable[[], Awaitable[httpx.Response]]] = [
        lambda: browser.get("/api/v1/session", headers=asks),
        lambda: browser.post(RENEW, headers=asks),
        lambda: browser.get("/nowhere", headers=asks),
        lambda: product.browser().get("/api/v1/session", headers=asks),
        lambda: browser.delete("/api/v1/session", headers=asks),
    ]
    statuses = []
    for call in calls:
        answer = await call()
        statuses.append(answer.status_code)
        assert cors_of(answer) == {
            "allow-origin": FRONT_END,
            "allow-credentials": "true",
            "expose-headers": "Retry-After, X-Request-ID, Content-Disposition",
        }
        assert answer.headers["vary"] == "Origin"
    assert statuses == [200, 200, 404, 401, 204]


@pytest.mark.parametrize("origin", OTHERS)
async def test_a_page_of_another_origin_may_neither_call_nor_read(
    product: Product, origin: str
) -> None:
    browser = product.browser()
    await browser.sign_in()
    for answer in (
        await preflight(product, origin),
        await preflight(product, origin, method="POST", path=RENEW),
        await browser.get("/api/v1/session", headers={"Origin": origin}),
        await browser.delete("/api/v1/session", headers={"Origin": origin}),
    ):
        assert "access-control-allow-origin" not in answer.headers
    assert (await browser.get("/api/v1/session")).status_code == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "TRACE", "BREW"])
async def test_no_page_may_call_by_a_method_that_no_route_has(
    product: Product, method: str
) -> None:
    answer = await preflight(product, FRONT_END, method=method)

    assert answer.status_code == 400
    assert method not in answer.headers["access-control-allow-methods"]


async def test_a_proxys_question_is_never_answered_as_a_preflight(product: Product) -> None:
    """It would let a request without a session through to a back end."""
    for path in (VERIFY_PATH, f"{VERIFY_PATH}/claims"):
        for origin in (FRONT_END, EVIL):
            answer = await preflight(product, origin, path=path)
            assert answer.status_code in {401, 405}
            assert cors_of(answer) == {}


async def test_a_service_that_is_its_own_front_end_lets_no_other_page_read() -> None:
    async with running_product(public_url=HTTPS, frontend_url=HTTPS) as product:
        for origin in (HTTPS, *OTHERS):
            assert cors_of(await preflight(product, origin)) == {}
