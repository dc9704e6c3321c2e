"""What surrounds every request."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from io import StringIO
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from adapters.encryption.audit_keys import AuditKey
from domain.audit_event import AuditEventType
from entrypoints.metrics.measurements import Measurements
from entrypoints.web.middleware import LastResort, Surroundings
from entrypoints.web.pages.address_script import ADDRESS_SCRIPT_SOURCE
from tests.support.product import Product, captured_log, running_product

APP = "https://app.vetassist.example"
HTTPS = "https://vetassist.example"
ALWAYS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
ON_A_PAGE = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "x-frame-options": "DENY",
}
HSTS = "max-age=63072000; includeSubDomains"
CANARY = "canary-5f2c9e"


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    """A service that is its own front end."""
    async with running_product(public_url=HTTPS, frontend_url=HTTPS) as product:
        yield product


def headers_of(answer: httpx.Response) -> dict[str, str]:
    """The headers that are the same on every answer."""
    varying = {"content-type", "content-length", "location", "set-cookie", "etag", "last-modified"}
    varying |= {"accept-ranges", "x-request-id", "allow", "www-authenticate"}
    varying |= {"content-language", "vary"}
    return {name: value for name, value in answer.headers.items() if name not in varying}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/va-success", 200),
        ("GET", "/va-error?error=login_expired", 200),
        ("GET", "/static/style.css", 200),
        ("GET", "/static/../../app.py", 404),
        ("GET", "/healthz", 200),
        ("GET", "/api/v1/va/login", 303),
        ("GET", "/api/v1/va/login?return_to=//evil.example", 400),
        ("GET", "/api/v1/va/callback", 303),
        ("HEAD", "/api/v1/va/callback", 405),
        ("HEAD", "/api/v1/va/login", 405),
        ("GET", "/api/v1/session", 401),
        ("POST", "/api/v1/session", 405),
        ("TRACE", "/api/v1/session", 405),
        ("OPTIONS", "/api/v1/session", 405),
        ("GET", "/nowhere", 404),
    ],
)
async def test_every_answer_carries_the_same_headers(
    product: Product, method: str, path: str, status: int
) -> None:
    headers = {"Origin": "https://evil.example"}
    answer = await product.browser().http.request(method, path, headers=headers)

    assert answer.status_code == status
    is_page = answer.headers.get("content-type", "").startswith("text/html")
    assert is_page is (path in {"/", "/va-success"} or path.startswith("/va-error"))
    of_a_page = dict(ON_A_PAGE) if is_page else {}
    if path == "/va-success":
        # Its one inline script, which takes a token out of the address.
        policy = of_a_page["content-security-policy"]
        allowed = f"script-src 'self' {ADDRESS_SCRIPT_SOURCE};"
        of_a_page["content-security-policy"] = policy.replace("script-src 'self';", allowed)
    assert headers_of(answer) == ALWAYS | of_a_page | {"strict-transport-security": HSTS}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/session", 200),
        ("GET", "/api/v1/verify", 200),
        ("GET", "/api/v1/user", 200),
        ("GET", "/api/v1/sessions", 200),
        ("DELETE", "/api/v1/session", 204),
    ],
)
async def test_a_successful_answer_of_the_api_carries_them_too(
    product: Product, method: str, path: str, status: int
) -> None:
    signed_in = await product.sign_in()
    answer = await signed_in.browser.http.request(method, path, headers=signed_in.headers)

    assert answer.status_code == status
    told = headers_of(answer)
    if path == "/api/v1/verify":
        assert told.pop("x-auth-user")
        assert told.pop("x-auth-session")
    assert told == ALWAYS | {"strict-transport-security": HSTS}


async def test_without_tls_nothing_is_promised_about_tls() -> None:
    url = "http://localhost:8000"
    async with running_product(public_url=url, frontend_url=url) as product:
        assert headers_of(await product.browser().get("/healthz")) == ALWAYS


async def test_only_a_front_end_elsewhere_may_read_answers() -> None:
    front_end = APP
    async with running_product(public_url=HTTPS, frontend_url=front_end) as product:
        signed_in = await product.sign_in()

        async def allowed(origin: str) -> str | None:
            headers = {**signed_in.headers, "Origin": origin}
            answer = await product.browser().get("/api/v1/session", headers=headers)
            assert headers_of(answer).items() >= ALWAYS.items()
            allowed_origin: str | None = answer.headers.get("access-control-allow-origin")
            return allowed_origin

        assert await allowed(front_end) == front_end
        for origin in ("https://evil.example", f"{front_end}.evil.example", "null", HTTPS):
            assert await allowed(origin) is None


@pytest.mark.parametrize(
    "written",
    ["https://App.VetAssist.example", "https://app.vetassist.example:443", f"{APP}./portal"],
)
async def test_the_front_end_may_read_answers_however_the_setting_writes_it(written: str) -> None:
    async with running_product(public_url=HTTPS, frontend_url=written) as product:
        browser = product.browser()
        asks = {"Access-Control-Request-Method": "POST"}
        for origin in (APP, f"{APP}."):
            answer = await browser.get("/healthz", headers={"Origin": origin})
            assert answer.headers["access-control-allow-origin"] == origin
            preflight = await browser.http.options(
                "/api/v1/session/renew", headers={"Origin": origin, **asks}
            )
            assert preflight.status_code == 200
            assert preflight.headers["access-control-allow-origin"] == origin


async def test_each_request_has_an_id_of_its_own_whatever_the_client_says(
    product: Product,
) -> None:
    signed_in = await product.sign_in()
    headers = {**signed_in.headers, "X-Request-ID": CANARY}
    ids = [
        (await signed_in.browser.get(path, headers=headers)).headers["x-request-id"]
        for path in ("/healthz", "/api/v1/session", "/api/v1/verify", "/nowhere") * 5
    ]
    assert len(set(ids)) == 20
    assert CANARY not in ids


async def test_an_events_request_is_the_one_that_the_answer_names(product: Product) -> None:
    browser = (await product.sign_in()).browser
    signed_in = await product.sign_in()
    answer = await signed_in.browser.delete(
        "/api/v1/session", headers={**signed_in.headers, "User-Agent": f"Mozilla ({CANARY})"}
    )
    other = await browser.get("/healthz")

    event = product.audit[-1]
    assert event.type is AuditEventType.LOGOUT
    assert event.visitor.request_id == answer.headers["x-request-id"]
    assert event.visitor.request_id != other.headers["x-request-id"]
    assert event.visitor.key_id == AuditKey(product.settings.audit_key.reveal()).id
    assert event.visitor.user_agent is None
    assert event.visitor.user_agent_hash not in {None, product.audit[0].visitor.user_agent_hash}


Endpoint = Callable[[Request], Awaitable[Response]]


async def call(endpoint: Endpoint, path: str = "/thing/1") -> httpx.Response:
    app: Any = Starlette(
        routes=[Route("/thing/{id}", endpoint, methods=["GET"])],
        middleware=[
            Middleware(Surroundings, is_public_https=False, measurements=Measurements()),
            Middleware(LastResort, instead_of=lambda _scope, problem: problem),
        ],
    )
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.get(path)


async def fails(_request: Request) -> Response:
    raise RuntimeError(CANARY)


async def test_a_bug_is_answered_without_a_word_of_what_went_wrong() -> None:
    answer = await call(fails)

    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "internal_error"
    assert headers_of(answer) == ALWAYS
    assert CANARY not in answer.text


def entries(log: StringIO) -> list[dict[str, Any]]:
    """Each line that was logged; every one is a JSON object."""
    return [json.loads(line) for line in log.getvalue().splitlines()]


async def test_a_bug_is_logged_with_its_place_and_the_request_but_not_its_message() -> None:
    with captured_log() as log:
        answer = await call(fails)

    (bug,) = [entry for entry in entries(log) if entry["event"] == "unhandled_error"]
    assert bug["error"] == "RuntimeError"
    assert bug["request_id"] == answer.headers["x-request-id"]
    assert any(place.endswith(" fails") for place in bug["places"])
    assert CANARY not in log.getvalue()


async def test_an_answer_that_breaks_off_is_logged_and_not_begun_again() -> None:
    async def breaks_off(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError(CANARY)

    async def receive() -> Message:
        raise AssertionError

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    with captured_log() as log:
        await Surroundings(
            LastResort(breaks_off, instead_of=lambda _scope, problem: problem),
            is_public_https=False,
            measurements=Measurements(),
        )({"type": "http", "method": "GET"}, receive, send)

    assert [message["type"] for message in sent] == ["http.response.start"]
    assert [entry["event"] for entry in entries(log)] == ["unhandled_error", "request"]


async def test_what_an_endpoint_decides_itself_stands() -> None:
    async def decides(_request: Request) -> Response:
        return PlainTextResponse("", headers={"Referrer-Policy": "same-origin"})

    assert (await call(decides)).headers.get_list("referrer-policy") == ["same-origin"]


async def test_a_request_is_logged_by_its_route_and_never_by_its_url() -> None:
    async def succeeds(_request: Request) -> Response:
        return Response(status_code=HTTPStatus.NO_CONTENT)

    with captured_log() as log:
        answer = await call(succeeds, f"/thing/{CANARY}?token={CANARY}")
        await call(succeeds, f"/{CANARY}")

    lines = [entry for entry in entries(log) if entry.get("logger") == "vetassist.http"]
    first, second = lines
    assert (first["method"], first["route"], first["status"]) == ("GET", "/thing/{id}", 204)
    assert first["request_id"] == answer.headers["x-request-id"]
    assert (second["route"], second["status"]) == ("unmatched", 404)
    assert CANARY not in json.dumps(lines)
