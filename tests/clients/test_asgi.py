"""The Python client's ASGI middleware, over the real service."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Message

from tests.support.product import SERVICE_URL, Product, running_product
from vetassist_client import AsyncSessionCheck
from vetassist_client.asgi import RequireSession, caller_of


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    async with running_product() as product:
        yield product


async def who_am_i(request: Request) -> Response:
    return JSONResponse({"user_id": str(caller_of(request.scope).user_id)})


async def alive(request: Request) -> Response:
    with pytest.raises(LookupError):
        caller_of(request.scope)
    return Response()


def back_end(product: Product) -> Starlette:
    sessions = AsyncSessionCheck(SERVICE_URL, transport=httpx.ASGITransport(app=product.app))
    return Starlette(
        routes=[Route("/me", who_am_i, methods=["GET", "POST"]), Route("/healthz", alive)],
        middleware=[Middleware(RequireSession, sessions=sessions, open_paths=["/healthz"])],
    )


def asking(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://back-end.example"
    )


async def test_a_session_is_let_in_and_known(product: Product) -> None:
    signed_in = await product.sign_in()

    async with asking(back_end(product)) as http:
        answer = await http.post("/me", headers=signed_in.headers)

    assert answer.json() == {"user_id": str(product.sessions[0].user_id)}


@pytest.mark.parametrize("path", ["/me", "/healthz/", "//healthz", "/healthz/../me", "/nowhere"])
async def test_without_a_session_nothing_else_is_reached(product: Product, path: str) -> None:
    async with asking(back_end(product)) as http:
        answer = await http.get(path)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer ")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {"type": "about:blank", "title": "Unauthorized", "status": 401}


async def test_an_open_path_needs_no_session(product: Product) -> None:
    async with asking(back_end(product)) as http:
        assert (await http.get("/healthz")).status_code == 200


async def test_an_outage_is_answered_with_503_and_when_to_try_again() -> None:
    async def service(_scope: Any, _receive: Any, send: Any) -> None:
        headers = [(b"retry-after", b"7")]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    sessions = AsyncSessionCheck(SERVICE_URL, transport=httpx.ASGITransport(app=service))
    app = RequireSession(Starlette(), sessions=sessions)
    async with asking(app) as http:
        answer = await http.get("/", headers={"Authorization": "Bearer x"})

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")


async def test_what_the_lifespan_opened_stays_in_reach(product: Product) -> None:
    signed_in = await product.sign_in()
    seen: list[dict[str, Any]] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(scope["state"])

    sessions = AsyncSessionCheck(SERVICE_URL, transport=httpx.ASGITransport(app=product.app))
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "headers": [(k.encode(), v.encode()) for k, v in signed_in.headers.items()],
        "state": {"database": 1},
    }
    await RequireSession(app, sessions=sessions)(scope, nothing, ignore)

    assert seen[0]["database"] == 1
    # The state belongs to the server: other requests must not see this caller.
    assert scope["state"] == {"database": 1}


async def ignore(_message: Any) -> None:
    pass


async def nothing() -> Message:
    return {"type": "websocket.connect"}


@pytest.mark.parametrize("extensions", [{}, {"websocket.http.response": {}}])
async def test_another_site_can_not_open_a_web_socket_with_the_cookie(
    extensions: dict[str, Any],
) -> None:
    reached: list[str] = []
    sent: list[dict[str, Any]] = []

    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        reached.append("app")

    async def send(message: Any) -> None:
        sent.append(message)

    async with running_product(session_delivery="cookie") as product:
        browser = product.browser()
        await browser.get(await browser.begin())
        sessions = AsyncSessionCheck(SERVICE_URL, transport=httpx.ASGITransport(app=product.app))
        guarded = RequireSession(app, sessions=sessions)
        for origin in (b"https://elsewhere.example", SERVICE_URL.encode()):
            scope = {
                "type": "websocket",
                "path": "/",
                "headers": [(b"cookie", browser.cookie_header.encode()), (b"origin", origin)],
                "extensions": extensions,
            }
            await guarded(scope, nothing, send)

    assert reached == ["app"]
    if extensions:
        assert [each["type"] for each in sent] == [
            "websocket.http.response.start",
            "websocket.http.response.body",
        ]
        assert sent[0]["status"] == 403
    else:
        assert sent == [{"type": "websocket.close", "code": 1008}]
