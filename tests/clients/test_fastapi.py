"""The Python client's FastAPI dependencies, over the real service."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI, Request
from fastapi.responses import PlainTextResponse

from tests.support.product import FRONT_END_URL, SERVICE_URL, Product, running_product
from vetassist_client import AsyncSessionCheck, Caller, NoSessionError, UnavailableError
from vetassist_client.fastapi import SessionOptional, SessionRequired


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    async with running_product(session_delivery="cookie") as product:
        yield product


def back_end(service: Any) -> FastAPI:
    sessions = AsyncSessionCheck(SERVICE_URL, transport=httpx.ASGITransport(app=service))
    app = FastAPI(lifespan=sessions.lifespan)

    @app.get("/me")
    @app.post("/me")
    def me(caller: Annotated[Caller, Depends(SessionRequired(sessions))]) -> str:
        return str(caller.user_id)

    @app.get("/delete")
    async def delete(
        caller: Annotated[Caller, Depends(SessionRequired(sessions, changes_state=True))],
    ) -> str:
        return str(caller.user_id)

    @app.get("/")
    async def start(caller: Annotated[Caller | None, Depends(SessionOptional(sessions))]) -> str:
        return "nobody" if caller is None else str(caller.user_id)

    return app


def asking(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://back-end.example"
    )


async def a_cookie(product: Product) -> dict[str, str]:
    browser = product.browser()
    await browser.get(await browser.begin())
    return {"Cookie": browser.cookie_header}


async def test_a_route_knows_its_caller(product: Product) -> None:
    cookie = await a_cookie(product)
    user = str(product.sessions[0].user_id)

    async with asking(back_end(product.app)) as http:
        needed = await http.get("/me", headers=cookie)
        optional = await http.get("/", headers=cookie)
        nobody = await http.get("/")

    assert (needed.json(), optional.json(), nobody.json()) == (user, user, "nobody")


async def test_a_refusal_has_its_status_and_headers(product: Product) -> None:
    async with asking(back_end(product.app)) as http:
        refused = await http.get("/me", headers={"Authorization": "Bearer x"})

    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["www-authenticate"]
    assert refused.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/me", "/"])
async def test_in_an_outage_nobody_is_taken_for_signed_out(path: str) -> None:
    async def service(scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("", 503, headers={"Retry-After": "7"})(scope, receive, send)

    async with asking(back_end(service)) as http:
        answer = await http.get(path, headers={"Authorization": "Bearer x"})

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")


async def test_a_route_that_changes_something_by_get_is_closed_to_other_sites(
    product: Product,
) -> None:
    cookie = await a_cookie(product)
    elsewhere = {"Sec-Fetch-Site": "cross-site"}

    async with asking(back_end(product.app)) as http:
        safe = await http.get("/me", headers=cookie | elsewhere)
        unsafe = await http.post("/me", headers=cookie | elsewhere)
        changing = await http.get("/delete", headers=cookie | elsewhere)
        from_our_page = await http.get("/delete", headers=cookie | {"Origin": FRONT_END_URL})
        optional = await http.get("/", headers=cookie | elsewhere)

    assert [each.status_code for each in (safe, unsafe, changing)] == [200, 403, 403]
    assert [each.status_code for each in (from_our_page, optional)] == [200, 200]


async def test_a_handler_can_tell_the_refusals_apart_by_type(product: Product) -> None:
    app = back_end(product.app)
    causes: list[BaseException | None] = []

    @app.exception_handler(401)
    async def note(_request: Request, error: Exception) -> PlainTextResponse:
        causes.append(error.__cause__)
        return PlainTextResponse("", 401)

    async with asking(app) as http:
        await http.get("/me")

    assert type(causes[0]) is NoSessionError
    assert not isinstance(causes[0], UnavailableError)


async def test_the_apps_description_says_that_a_route_needs_a_session(product: Product) -> None:
    async with asking(back_end(product.app)) as http:
        described = (await http.get("/openapi.json")).json()

    (name,) = described["components"]["securitySchemes"]
    assert described["components"]["securitySchemes"][name]["scheme"] == "bearer"
    assert described["paths"]["/me"]["get"]["security"] == [{name: []}]
