"""How long a call to the provider waits, over real sockets, with the client of production."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import certifi
import pytest
from anyio.lowlevel import checkpoint

from adapters.va_oauth.bounded_http import BoundedHTTP, Reply, TooLateError
from adapters.va_oauth.wire_on_demand import WireOnDemand
from application.errors import ProviderUnavailableError
from tests.support.event_loop import pass_time
from tests.support.held_server import HeldServer
from tests.support.product import until

#: What production gives a call as a whole.
DEADLINE = timedelta(seconds=10)
SECOND = timedelta(seconds=1)
#: Longer than it may take to make a connection, and twice that is within the deadline.
LONGER_THAN_A_CONNECTION_TAKES = timedelta(seconds=4.5)
#: Generous: what must not hang has this long.
PATIENCE_SECONDS = 60


@asynccontextmanager
async def caller() -> AsyncIterator[BoundedHTTP]:
    """Who calls the provider in production."""
    wire = WireOnDemand()
    try:
        yield BoundedHTTP(wire, deadline=DEADLINE, max_bytes=1024)
    finally:
        await wire.aclose()


async def until_idle() -> None:
    """Let everything run that can."""
    for _ in range(100):
        await checkpoint()


async def exchange(http: BoundedHTTP, url: str) -> Reply:
    """A call that cannot be made twice."""
    return await http.post(url, operation="exchange", form={"code": "once"}, headers={})


async def test_an_answer_that_takes_longer_than_a_connection_may_is_taken() -> None:
    server = HeldServer(is_held=True)
    async with server.listening() as url, caller() as http:
        call = asyncio.create_task(exchange(http, url))
        await until(lambda: server.requests == 1)
        for _ in range(2):
            pass_time(LONGER_THAN_A_CONNECTION_TAKES)
            # Whoever has waited for long enough gives up.
            await until_idle()
        server.release()

        assert (await call).status == 200


async def test_an_answer_that_comes_after_the_deadline_is_not_waited_for() -> None:
    server = HeldServer(is_held=True)
    async with server.listening() as url, caller() as http:
        call = asyncio.create_task(exchange(http, url))
        await until(lambda: server.requests == 1)
        pass_time(DEADLINE - SECOND)
        await until_idle()
        assert not call.done()
        pass_time(SECOND)
        await until(call.done)
        assert isinstance(call.exception(), TooLateError)

    assert server.requests == 1


async def test_no_call_waits_for_the_connection_of_another() -> None:
    server = HeldServer(is_held=True)
    async with server.listening() as url, caller() as http:
        calls = [asyncio.create_task(exchange(http, url)) for _ in range(160)]
        await until(lambda: server.requests == 160)
        server.release()

        assert {reply.status for reply in await asyncio.gather(*calls)} == {200}


async def test_a_connection_that_the_provider_closes_while_idle_costs_nobody_a_call() -> None:
    server = HeldServer(is_held=False)
    server.resets_used_connections = True
    async with server.listening() as url, caller() as http:
        for _ in range(5):
            assert (await exchange(http, url)).status == 200

    assert server.requests == 5


async def test_a_connection_that_breaks_before_the_request_is_sent_is_replaced() -> None:
    # With TLS nothing of the request is sent before the handshake, to which this server never
    # comes: what is seen is that the first connection was replaced, and the second was not.
    server = HeldServer(is_held=False)
    server.breaks_new_connections = 2
    async with server.listening() as url, caller() as http:
        with pytest.raises(ProviderUnavailableError):
            await exchange(http, url.replace("http:", "https:"))

    assert server.connections == 2
    assert server.requests == 0


async def test_a_request_that_was_sent_is_not_sent_again() -> None:
    server = HeldServer(is_held=True)
    async with server.listening() as url, caller() as http:
        call = asyncio.create_task(exchange(http, url))
        await until(lambda: server.requests == 1)
    with pytest.raises(ProviderUnavailableError):
        await call

    assert server.requests == 1


async def test_a_wire_is_closed_although_it_is_still_being_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, may_answer, path = threading.Event(), threading.Event(), certifi.where()

    def slow() -> str:
        asked.set()
        assert may_answer.wait(PATIENCE_SECONDS)
        return path

    monkeypatch.setattr(certifi, "where", slow)
    wire = WireOnDemand()
    call = asyncio.create_task(wire.send("GET", "https://va.example", {}, b"", max_bytes=1))
    await until(asked.is_set)
    call.cancel()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS / 2):
            await wire.aclose()
    finally:
        may_answer.set()
    with pytest.raises(asyncio.CancelledError):
        await call
    # Nothing is opened afterwards, which nobody would close.
    await until(lambda: wire._creating is None)
    assert wire._wire is None


async def test_authorities_that_could_not_be_read_once_are_read_by_the_next_call(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server = HeldServer(is_held=False)
    async with server.listening() as url, caller() as http:
        with monkeypatch.context() as patched:
            patched.setattr(certifi, "where", lambda: str(tmp_path / "not there"))
            with pytest.raises(ProviderUnavailableError):
                await exchange(http, url)

        assert (await exchange(http, url)).status == 200


async def test_a_wire_whose_authorities_could_not_be_read_is_closed_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(certifi, "where", lambda: str(tmp_path / "not there"))
    wire = WireOnDemand()
    with pytest.raises(ProviderUnavailableError):
        await wire.send("GET", "https://va.example", {}, b"", max_bytes=1)
    await wire.aclose()


async def test_a_conversation_uses_the_wire_as_soon_as_there_is_one() -> None:
    server = HeldServer(is_held=False)
    async with server.listening() as url, caller() as http:
        for expected in (2, 3):
            with http.conversation() as conversation:
                assert (await exchange(conversation, url)).status == 200
                assert (await conversation.get(url, operation="status")).status == 200
            # The first conversation began before there was a wire.
            assert server.connections == expected
