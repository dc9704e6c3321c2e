"""What an observer is told of each call to the provider."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from datetime import timedelta

import httpx
import pytest

from adapters.va_oauth.bounded_http import BoundedHTTP, ProviderCall
from application.errors import ProviderUnavailableError, UpstreamRejectedError
from tests.support.event_loop import pass_time
from tests.support.httpx_wire import HttpxWire

DEADLINE = timedelta(seconds=10)
URL = "https://va.example/path?code=canary"

Handler = Callable[[httpx.Request], Coroutine[None, None, httpx.Response]]


async def body(content: bytes) -> AsyncIterator[bytes]:
    """Not read yet, as on the wire."""
    yield content


async def call(handler: Handler) -> ProviderCall:
    """The one call that the observer hears of."""
    heard: list[ProviderCall] = []
    async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as client:
        http = BoundedHTTP(
            HttpxWire(client), deadline=DEADLINE, max_bytes=10, observer=heard.append
        )
        with suppress(ProviderUnavailableError, UpstreamRejectedError):
            await http.get(URL, operation="userinfo")
    (told,) = heard
    assert told.operation == "userinfo"
    assert "canary" not in repr(told)
    return told


@pytest.mark.parametrize(
    ("status", "outcome"), [(200, "2xx"), (404, "4xx"), (429, "4xx"), (503, "5xx")]
)
async def test_an_answer_is_told_by_the_class_of_its_status(status: int, outcome: str) -> None:
    async def answers(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, content=body(b"{}"))

    before = time.time_ns()
    told = await call(answers)
    assert told.outcome == outcome
    assert before <= told.began_at <= time.time_ns()
    assert told.seconds >= 0


async def test_no_answer_in_time_is_a_timeout() -> None:
    async def never(_request: httpx.Request) -> httpx.Response:
        pass_time(DEADLINE)
        await asyncio.Event().wait()
        raise AssertionError

    told = await call(never)
    assert told.outcome == "timeout"


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(httpx.ReadTimeout("slow"), "timeout"), (httpx.ConnectError("refused"), "unreachable")],
)
async def test_a_failed_connection_is_told_from_a_slow_one(error: Exception, outcome: str) -> None:
    async def fails(_request: httpx.Request) -> httpx.Response:
        raise error

    assert (await call(fails)).outcome == outcome


@pytest.mark.parametrize(
    ("status", "location", "content"),
    [(302, "https://elsewhere.example", b""), (200, "", b"x" * 11)],
    ids=["a redirect", "too large"],
)
async def test_an_answer_that_is_not_taken_is_unacceptable(
    status: int, location: str, content: bytes
) -> None:
    async def answers(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers={"location": location}, content=body(content))

    assert (await call(answers)).outcome == "unacceptable"


async def test_a_call_that_is_given_up_is_told_as_such() -> None:
    begun = asyncio.Event()
    heard: list[ProviderCall] = []

    async def never(_request: httpx.Request) -> httpx.Response:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with httpx.AsyncClient(transport=httpx.MockTransport(never)) as client:
        http = BoundedHTTP(
            HttpxWire(client), deadline=DEADLINE, max_bytes=10, observer=heard.append
        )
        asking = asyncio.create_task(http.get(URL, operation="userinfo"))
        await begun.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    assert [told.outcome for told in heard] == ["given_up"]
