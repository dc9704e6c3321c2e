"""The Python client's check against the real service, for asyncio and for threads."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pytest_mock import MockerFixture

from adapters.memory.session_lookup import MemorySessionLookup
from application.errors import UnavailableError as ServiceUnavailableError
from application.use_cases.front_ends.add_front_end import AddFrontEndCommand
from tests.security.cookies import value_in
from tests.support.product import SERVICE_URL, Product, running_product, serving
from vetassist_client import (
    AsyncSessionCheck,
    Caller,
    CrossSiteRequestError,
    NoSessionError,
    RequestRefusedError,
    SessionCheck,
    UnavailableError,
)

Ask = Callable[..., Awaitable[Caller]]


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    async with running_product() as product:
        yield product


@pytest.fixture
async def by_cookie() -> AsyncIterator[Product]:
    async with running_product(session_delivery="cookie") as product:
        yield product


@pytest.fixture(params=["asyncio", "threads"])
async def asking(request: pytest.FixtureRequest) -> AsyncIterator[Callable[[Product], Any]]:
    """Asks a product: in this process, or by a thread and a socket."""
    opened: list[Any] = []

    async def opened_for(product: Product) -> Ask:
        if request.param == "asyncio":
            return AsyncSessionCheck(
                SERVICE_URL, transport=httpx.ASGITransport(app=product.app)
            ).caller
        server = serving(product.app)
        url, _ = await server.__aenter__()
        check = SessionCheck(url)
        opened.append((server, check))

        async def ask(*arguments: Any) -> Caller:
            return await asyncio.to_thread(check.caller, *arguments)

        return ask

    yield opened_for
    for server, check in opened:
        check.close()
        await server.__aexit__(None, None, None)


async def test_a_session_that_stands_is_known(
    product: Product, asking: Callable[[Product], Awaitable[Ask]]
) -> None:
    ask = await asking(product)
    signed_in = await product.sign_in()

    caller = await ask("DELETE", signed_in.headers.items())

    (session,) = product.sessions
    assert (caller.user_id, caller.session_id) == (session.user_id, session.id)
    assert (caller.jwt, caller.by_cookie) == (signed_in.token, False)


@pytest.mark.parametrize("public_url", [SERVICE_URL, "https://vetassist.example"])
async def test_a_check_for_one_front_end_takes_its_cookies_and_sessions_alone(
    public_url: str,
) -> None:
    async with running_product(public_url=public_url, session_delivery="cookie") as product:
        command = AddFrontEndCommand(name="Second", url="https://second.example")
        second = await product.container.add_front_end().execute(command)
        name = product.container.session_cookies().session_name
        names = [name, f"{name}_{second.id.hex}"]
        browser = product.browser()
        for front_end in (None, second.id):
            await browser.get(await browser.begin(front_end=front_end))
        ours, theirs = [value_in(browser, each) for each in names]
        own, other, nowhere = (
            AsyncSessionCheck(
                SERVICE_URL, front_end=front_end, transport=httpx.ASGITransport(app=product.app)
            )
            for front_end in (None, str(second.id), uuid4())
        )

        both = [("Cookie", f"{names[0]}={ours}; {names[1]}={theirs}")]
        callers = [await check.caller("GET", both) for check in (own, other)]
        assert [caller.jwt for caller in callers] == [ours, theirs]
        bearer = [("Authorization", f"Bearer {theirs}")]
        assert [(await each.caller("GET", bearer)).jwt for each in (own, other)] == [theirs] * 2
        for check, header in (
            (own, ("Cookie", f"{names[1]}={theirs}")),
            (own, ("Cookie", f"{names[0]}={theirs}")),
            (other, ("Cookie", f"{names[0]}={ours}")),
            (other, ("Cookie", f"{names[1]}={ours}")),
            (other, ("Authorization", f"Bearer {ours}")),
            (nowhere, bearer[0]),
        ):
            with pytest.raises(NoSessionError):
                await check.caller("GET", [header])


@pytest.mark.parametrize("check", [AsyncSessionCheck, SessionCheck])
def test_the_id_of_a_front_end_must_be_one(check: Any) -> None:
    with pytest.raises(ValueError, match="UUID"):
        check(SERVICE_URL, front_end="../verify")


async def test_a_session_that_ended_is_refused_by_the_next_check(
    product: Product, asking: Callable[[Product], Awaitable[Ask]]
) -> None:
    ask = await asking(product)
    signed_in = await product.sign_in()
    await ask("GET", signed_in.headers.items())
    await signed_in.browser.delete("/api/v1/session", headers=signed_in.headers)

    with pytest.raises(NoSessionError) as refusal:
        await ask("GET", signed_in.headers.items())

    assert 'error="invalid_token"' in refusal.value.headers["WWW-Authenticate"]


async def test_an_outage_says_nothing_about_the_session(
    product: Product, asking: Callable[[Product], Awaitable[Ask]], mocker: MockerFixture
) -> None:
    ask = await asking(product)
    signed_in = await product.sign_in()
    mocker.patch.object(MemorySessionLookup, "find", side_effect=ServiceUnavailableError)

    with pytest.raises(UnavailableError) as refusal:
        await ask("GET", signed_in.headers.items())

    assert refusal.value.retry_after == 2
    mocker.stopall()
    await ask("GET", signed_in.headers.items())


@pytest.mark.parametrize(
    ("method", "told", "kind"),
    [
        ("GET", {"Origin": "https://elsewhere.example"}, None),
        ("POST", {"Origin": SERVICE_URL}, None),
        ("POST", {"Sec-Fetch-Site": "same-site"}, None),
        ("POST", {"Origin": "https://elsewhere.example"}, CrossSiteRequestError),
        ("POST", {"Sec-Fetch-Site": "cross-site"}, CrossSiteRequestError),
        ("POST", {}, CrossSiteRequestError),
    ],
)
async def test_a_cookie_lets_in_but_not_what_another_site_does_with_it(
    by_cookie: Product,
    asking: Callable[[Product], Awaitable[Ask]],
    method: str,
    told: dict[str, str],
    kind: type[RequestRefusedError] | None,
) -> None:
    ask = await asking(by_cookie)
    browser = by_cookie.browser()
    await browser.get(await browser.begin())
    headers = {"Cookie": browser.cookie_header, **told}

    if kind is None:
        caller = await ask(method, headers.items())
        assert (caller.by_cookie, caller.jwt) == (True, browser.http.cookies["vetassist_session"])
    else:
        with pytest.raises(kind):
            await ask(method, headers.items())


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.example.org",
        "ftp://x",
        "https://",
        "https://me:x@x",
        "https://x?a=b",
        "https://x#a",
    ],
)
def test_a_url_that_is_none_of_a_service_is_refused_at_once(url: str) -> None:
    for kind in (AsyncSessionCheck, SessionCheck):
        with pytest.raises(ValueError, match="service's URL"):
            kind(url)
