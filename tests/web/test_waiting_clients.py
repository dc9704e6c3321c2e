"""Clients that the server waits for: none of them for ever. On uvloop, over real sockets.

A deadline passes when the test moves the loop's clock.
"""

import asyncio
import socket
import struct
import weakref
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest
from anyio.lowlevel import checkpoint
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from entrypoints.container import Container
from entrypoints.crowds import TURNED_AWAY
from entrypoints.serving.app import refusing_app
from entrypoints.serving.bounded_http import BoundedHTTP
from entrypoints.serving.http_server import HTTPServer
from entrypoints.serving.turnstile import CrowdLimits
from tests.support.environment import read, required_settings
from tests.support.event_loop import pass_time
from tests.support.product import (
    FRONT_END_URL,
    LOGIN,
    SERVICE_URL,
    running_product,
    serving,
    until,
)

#: Generous: what must not hang has this long.
PATIENCE_SECONDS = 60
HEAD = timedelta(seconds=10)
BODY = timedelta(seconds=10)
READING = timedelta(seconds=30)
KEEP_ALIVE = timedelta(seconds=75)
SECOND = timedelta(seconds=1)
#: Fits into no socket's buffer.
LARGE = b"x" * 50_000_000
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n"
RENEW = (
    "POST /api/v1/session/renew HTTP/1.1\r\nHost: x\r\n"
    f"Origin: {SERVICE_URL}\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\n"
).encode()


@dataclass(kw_only=True)
class Client:
    """One connection, byte by byte."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self) -> bytes:
        """One whole answer with a Content-Length."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            return head + await self.reader.readexactly(int(length))

    async def rest(self) -> bytes:
        """All that comes until the server hangs up, which it must."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.reader.read()


@dataclass(kw_only=True)
class Application:
    """Answers at once, or when it is allowed to; reads no body."""

    body: bytes = b"here"
    may_answer: asyncio.Event
    asked: int = 0
    #: Whether each request was turned away by the turnstile.
    turned_away: list[bool] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += 1
        self.turned_away.append(TURNED_AWAY in scope["state"])
        await self.may_answer.wait()
        await PlainTextResponse(self.body)(scope, receive, send)


@dataclass(kw_only=True)
class Served:
    """An application behind the server."""

    application: Application
    url: str
    server: HTTPServer
    clients: AsyncExitStack

    async def client(self, **options: int) -> Client:
        return await self.clients.enter_async_context(client_of(self.url, **options))

    @property
    def open(self) -> int:
        """How many connections the server has."""
        return len(self.server.server_state.connections)

    @property
    def connections(self) -> list[BoundedHTTP]:
        """The server's ends of all connections."""
        found = list(self.server.server_state.connections)
        return [each for each in found if isinstance(each, BoundedHTTP)]

    @property
    def only(self) -> BoundedHTTP:
        """The server's end of the one connection."""
        (connection,) = self.connections
        return connection

    async def until_open(self) -> None:
        await until(lambda: self.open == 1)

    async def until_received(self, head: bytes) -> None:
        """Return once the server has so much of a head, and no more."""
        await until(lambda: self.open == 1 and self.only._head_bytes == len(head))

    async def until_given_up(self) -> None:
        """Let time pass until the server is rid of whoever does not read."""
        # As long as something still moves into a buffer, the client has more time.
        for _ in range(5):
            pass_time(READING)
            await settled()
        await until(lambda: self.open == 0)


async def settled() -> None:
    """Let everything run that can."""
    for _ in range(100):
        await checkpoint()


def socket_of(transport: asyncio.BaseTransport) -> socket.socket:
    found: socket.socket = transport.get_extra_info("socket")
    return found


@asynccontextmanager
async def client_of(url: str, *, receive_buffer: int | None = None) -> AsyncIterator[Client]:
    parts = httpx.URL(url)
    connection = socket.socket()
    connection.setblocking(False)
    if receive_buffer is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    await asyncio.get_running_loop().sock_connect(connection, (parts.host, parts.port))
    reader, writer = await asyncio.open_connection(sock=connection)
    try:
        yield Client(reader=reader, writer=writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


@asynccontextmanager
async def served(*, answers: bool = True, **options: Any) -> AsyncIterator[Served]:
    application = Application(may_answer=asyncio.Event())
    if answers:
        application.may_answer.set()
    async with serving(application, **options) as (url, server), AsyncExitStack() as clients:
        # At the end, so that no request keeps the server from ending.
        clients.callback(application.may_answer.set)
        yield Served(application=application, url=url, server=server, clients=clients)


async def test_a_client_that_says_nothing_is_hung_up_on_without_a_word() -> None:
    async with served() as it:
        client = await it.client()
        await it.until_open()
        pass_time(HEAD)
        assert await client.rest() == b""


@pytest.mark.parametrize("before", [b"", GET], ids=["first", "after-another"])
async def test_half_a_head_is_told_that_it_is_late(before: bytes) -> None:
    async with served() as it:
        client = await it.client()
        if before:
            client.send(before)
            assert (await client.answer()).startswith(b"HTTP/1.1 200 ")
        client.send(GET[:20])
        await it.until_received(GET[:20])
        pass_time(HEAD - SECOND)
        await settled()
        assert it.open == 1
        pass_time(SECOND)
        answer = await client.rest()

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b"\r\nconnection: close" in head
    assert b"\r\ncontent-type: application/problem+json" in head
    assert b'"code":"request_timeout"' in body
    assert it.application.asked == (1 if before else 0)


async def test_a_byte_now_and_then_gives_a_head_no_more_time() -> None:
    async with served() as it:
        client = await it.client()
        client.send(b"GET / HTTP/1.1\r\nX-Long: ")
        answer = asyncio.create_task(client.rest())
        await it.until_open()
        for _ in range(HEAD // SECOND):
            assert not answer.done()
            before = it.only._head_bytes
            client.send(b"x")
            await until(lambda before=before: it.only._head_bytes != before)  # type: ignore[misc]
            pass_time(SECOND)
        await settled()
        assert it.open == 0
        assert (await answer).startswith(b"HTTP/1.1 408 ")


async def test_half_a_head_does_not_cut_off_the_answer_to_the_request_before_it() -> None:
    async with served(answers=False) as it:
        client = await it.client()
        client.send(GET + GET[:20])
        await until(lambda: it.application.asked == 1)
        client.send(GET[20:25])
        # What came along with the request before it is not counted.
        await it.until_received(GET[20:25])
        # Longer than the head has time for.
        pass_time(HEAD * 2)
        await settled()
        it.application.may_answer.set()
        first = await client.answer()
        pass_time(HEAD)
        second = await client.rest()

    assert first.startswith(b"HTTP/1.1 200 ")
    assert second.startswith(b"HTTP/1.1 408 ")


async def test_a_body_that_nobody_reads_is_not_waited_for_either() -> None:
    async with served() as it:
        client = await it.client()
        client.send(POST + b"x")
        assert (await client.answer()).startswith(b"HTTP/1.1 200 ")
        pass_time(BODY)
        assert await client.rest() == b""


async def test_a_body_that_the_service_reads_is_late_after_its_deadline() -> None:
    async with (
        running_product() as product,
        serving(product.app) as (url, server),
        client_of(url) as client,
    ):
        client.send(RENEW + b"{")
        await until(lambda: bool(server.server_state.tasks))
        await settled()
        pass_time(BODY)
        answer = await client.answer()

    assert answer.startswith(b"HTTP/1.1 408 ")


async def test_a_body_that_comes_late_but_in_time_leaves_the_connection_open_for_a_while() -> None:
    async with served() as it:
        client = await it.client()
        client.send(POST + b"x")
        first = await client.answer()
        client.send(b"xxx" + GET)
        second = await client.answer()
        client.send(POST + b"x")
        await client.answer()
        client.send(b"xxx")
        await it.until_received(b"")
        pass_time(KEEP_ALIVE - SECOND)
        await settled()
        assert it.open == 1
        # Where the answer is before the body's end, uvicorn waits for ever.
        pass_time(SECOND)
        assert await client.rest() == b""

    assert (first[:12], second[:12]) == (b"HTTP/1.1 200", b"HTTP/1.1 200")


async def test_a_connection_that_is_not_used_any_more_is_closed() -> None:
    async with served() as it:
        client = await it.client()
        client.send(GET)
        assert (await client.answer()).startswith(b"HTTP/1.1 200 ")
        pass_time(KEEP_ALIVE - SECOND)
        await settled()
        assert it.open == 1
        pass_time(SECOND)
        assert await client.rest() == b""


@pytest.mark.parametrize("last", [b"", b"Connection: close\r\n"], ids=["kept", "closing"])
async def test_an_answer_that_is_not_read_is_given_up(last: bytes) -> None:
    async with served() as it:
        it.application.body = LARGE
        client = await it.client()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\n" + last + b"\r\n")
        await until(lambda: it.application.asked == 1)
        await it.until_given_up()


async def test_the_rest_of_an_answer_that_is_not_read_is_given_up() -> None:
    async with served() as it:
        # Too little for the application to be held up, too much for the sockets.
        it.application.body = b"x" * 50_000
        client = await it.client(receive_buffer=4096)
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await it.until_open()
        socket_of(it.only.transport).setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        await until(lambda: it.application.asked == 1)
        await it.until_given_up()


async def test_a_large_answer_that_is_read_slowly_gets_there() -> None:
    async with served() as it:
        it.application.body = LARGE
        client = await it.client(receive_buffer=65_536)
        client.send(GET)
        head = await client.reader.readuntil(b"\r\n\r\n")
        left = len(LARGE)
        while left:
            async with asyncio.timeout(PATIENCE_SECONDS):
                left -= len(await client.reader.readexactly(min(left, 1_000_000)))
            # Altogether several times what an answer that is not read has. In that time the
            # client reads more than all buffers hold.
            pass_time(READING / 10)
            await settled()

    assert head.startswith(b"HTTP/1.1 200 ")


async def test_with_too_many_connections_the_one_that_waited_longest_has_to_go() -> None:
    async with served(most_connections=8) as it:
        silent = [await it.client() for _ in range(8)]
        await until(lambda: it.open == 8)
        # Now the second one has waited longest.
        silent[0].send(GET)
        await silent[0].answer()

        newest = await it.client()
        newest.send(GET)
        assert (await newest.answer()).startswith(b"HTTP/1.1 200 ")

        assert await silent[1].rest() == b""
        silent[0].send(GET)
        assert (await silent[0].answer()).startswith(b"HTTP/1.1 200 ")
        assert not silent[2].reader.at_eof()


async def test_with_too_many_requests_at_work_the_next_one_is_refused_at_once() -> None:
    async with served(answers=False, most_connections=8) as it:
        working = [await it.client() for _ in range(7)]
        for client in working:
            client.send(GET)
        await until(lambda: it.application.asked == 7)

        async with httpx.AsyncClient(base_url=it.url, trust_env=False) as http:
            refused = await http.get("/")
        it.application.may_answer.set()
        answers = [await client.answer() for client in working]
        async with httpx.AsyncClient(base_url=it.url, trust_env=False) as http:
            after = await http.get("/")

    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "2"
    assert refused.headers["connection"] == "close"
    assert refused.json()["code"] == "unavailable"
    assert {answer[:12] for answer in answers} == {b"HTTP/1.1 200"}
    assert after.status_code == 200


async def test_a_page_of_the_front_end_learns_that_it_was_refused_and_when_to_come_back() -> None:
    settings = read(required_settings() | {"VETASSIST_FRONTEND_URL": FRONT_END_URL})
    page = {"Origin": FRONT_END_URL}
    preflight = page | {"Access-Control-Request-Method": "GET"}
    async with (
        served(
            answers=False, most_connections=8, refusal=refusing_app(Container(settings=settings))
        ) as it,
        httpx.AsyncClient(base_url=it.url, trust_env=False) as http,
    ):
        working = [await it.client() for _ in range(7)]
        for client in working:
            client.send(GET)
        await until(lambda: it.application.asked == 7)

        asked = await http.options("/", headers=preflight)
        refused = await http.get("/", headers=page)
        elsewhere = await http.get("/", headers={"Origin": "https://evil.example"})
        await http.options("/", headers=preflight)
        it.application.may_answer.set()
        for client in working:
            await client.answer()
        # On the connection that was open while others were refused.
        after = await http.get("/", headers=page)

    assert asked.status_code == 200
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "2"
    for answer in (asked, refused):
        assert answer.headers["access-control-allow-origin"] == FRONT_END_URL
    assert "Retry-After" in refused.headers["access-control-expose-headers"]
    assert elsewhere.status_code == 503
    assert "access-control-allow-origin" not in elsewhere.headers
    assert after.status_code == 200


async def test_requests_whose_bodies_are_not_sent_keep_nobody_out() -> None:
    async with served(answers=False, most_connections=8) as it:
        for _ in range(8):
            (await it.client()).send(POST)
        await until(lambda: it.application.asked >= 7)
        it.application.may_answer.set()
        newest = await it.client()
        newest.send(GET)

        assert (await newest.answer()).startswith(b"HTTP/1.1 200 ")


async def test_a_connection_that_was_reset_is_forgotten() -> None:
    async with served() as it:
        client = await it.client()
        client.send(GET)
        await client.answer()
        (connection,) = map(weakref.ref, it.server.server_state.connections)
        at_once = struct.pack("ii", 1, 0)
        socket_of(client.writer.transport).setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        client.writer.transport.abort()

        await until(lambda: it.open == 0)
        await until(lambda: connection() is None)


async def test_a_request_in_many_pieces_is_answered() -> None:
    async def echo(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse(await Request(scope, receive).body())(scope, receive, send)

    async with serving(echo) as (url, _), client_of(url) as client:
        for byte in POST + b"four":
            client.send(bytes([byte]))
            await client.writer.drain()
            await asyncio.sleep(0)
        assert (await client.answer()).endswith(b"four")


# Those who come in a crowd, and wait for their turn.

ROOM_FOR_ONE = CrowdLimits(in_progress=1, waiting=2, patience=timedelta(hours=1))
SIGN_IN = f"GET {LOGIN} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


async def in_line(it: Served, length: int) -> None:
    """Return once so many wait."""
    await until(lambda: len(it.server._turnstile._line) == length)


async def begin_two(it: Served, second: bytes = SIGN_IN) -> tuple[Client, Client]:
    """Return a client whose sign-in is in progress, and one that waits with what it has sent."""
    in_progress, waiting = await it.client(), await it.client()
    in_progress.send(SIGN_IN)
    await until(lambda: it.application.asked == 1)
    waiting.send(second)
    await in_line(it, 1)
    return in_progress, waiting


async def test_sign_ins_wait_for_each_other_and_nobody_else_for_them() -> None:
    async with served(answers=False, crowd_limits=ROOM_FOR_ONE) as it:
        first, second = await begin_two(it)
        other = await it.client()
        other.send(GET)
        await until(lambda: it.application.asked == 2)
        it.application.may_answer.set()
        for client in (first, second, other):
            assert (await client.answer()).startswith(b"HTTP/1.1 200 ")

    assert it.application.asked == 3


async def test_a_client_in_line_has_no_deadline_but_its_patience() -> None:
    async with served(answers=False, crowd_limits=ROOM_FOR_ONE) as it:
        first, second = await it.client(), await it.client()
        # One that comes on a new connection, and one that was idle before.
        it.application.may_answer.set()
        second.send(GET)
        await second.answer()
        it.application.may_answer.clear()
        first.send(SIGN_IN)
        await until(lambda: it.application.asked == 2)
        third = await it.client()
        for client in (second, third):
            client.send(SIGN_IN)
        await in_line(it, 2)
        pass_time(HEAD + SECOND)
        await settled()
        assert it.open == 3
        pass_time(ROOM_FOR_ONE.patience)
        it.application.may_answer.set()
        for client in (first, second, third):
            assert (await client.answer()).startswith(b"HTTP/1.1 200 ")

    assert it.application.turned_away == [False, False, True, True]


async def test_a_client_that_leaves_the_line_costs_nothing() -> None:
    async with served(answers=False, crowd_limits=ROOM_FOR_ONE) as it:
        first, second = await begin_two(it)
        second.writer.close()
        await in_line(it, 0)
        it.application.may_answer.set()
        await first.answer()
        await until(lambda: it.open == 1)

    assert it.application.asked == 1


async def test_what_a_client_sends_while_it_waits_is_not_lost() -> None:
    whole = SIGN_IN.replace(b"Host: x", b"Host: x\r\nX-Long: " + b"x" * 60_000)
    async with served(answers=False, crowd_limits=ROOM_FOR_ONE) as it:
        first, second = await begin_two(it, whole[:40])
        endless = await it.client()
        endless.send(whole[:-4])
        await in_line(it, 2)
        second.send(whole[40:])
        endless.send(LARGE)
        await second.writer.drain()
        await settled()
        assert max(len(each._held or b"") for each in it.connections) < len(LARGE) / 10
        it.application.may_answer.set()
        assert (await first.answer()).startswith(b"HTTP/1.1 200 ")
        assert (await second.answer()).startswith(b"HTTP/1.1 200 ")
        # It was told that its head is too long, if it ever reads.
        await until(lambda: it.open == 2)


@pytest.mark.parametrize("begins", [SIGN_IN[:30], SIGN_IN.replace(b"Host", b"Ho st")])
async def test_a_request_that_does_not_become_one_keeps_nobody_waiting(begins: bytes) -> None:
    async with served(crowd_limits=ROOM_FOR_ONE) as it:
        broken, sound = await it.client(), await it.client()
        broken.send(begins)
        await until(lambda: it.open == 2)
        await settled()
        sound.send(SIGN_IN)
        assert (await sound.answer()).startswith(b"HTTP/1.1 200 ")


async def test_a_client_in_line_is_not_idle() -> None:
    async with served(answers=False, crowd_limits=ROOM_FOR_ONE, most_connections=3) as it:
        _, second = await begin_two(it)
        # Each of these closes the one before it.
        for _ in range(3):
            idle = await it.client()
        await settled()
        it.application.may_answer.set()
        assert (await second.answer()).startswith(b"HTTP/1.1 200 ")
        idle.writer.close()


async def test_half_a_head_that_had_its_turn_is_idle_again() -> None:
    async with served(answers=False, crowd_limits=ROOM_FOR_ONE, most_connections=3) as it:
        first, _ = await begin_two(it, SIGN_IN[:30])
        it.application.may_answer.set()
        await first.answer()
        await in_line(it, 0)
        it.application.may_answer.clear()
        # Only two requests may be in progress.
        first.send(GET)
        await until(lambda: it.application.asked == 2)
        newest = await it.client()
        newest.send(GET)
        await until(lambda: it.application.asked == 3)


async def test_a_server_that_ends_lets_the_line_in_first() -> None:
    async with served(answers=False, crowd_limits=ROOM_FOR_ONE) as it:
        first, second = await begin_two(it)
        late = await it.client()
        it.server.should_exit = True
        await until(lambda: it.server._table.is_ending)
        # Longer than idle connections stay open. Who comes now makes the line no longer.
        pass_time(SECOND)
        late.send(SIGN_IN)
        await until(lambda: it.application.asked == 2)
        await in_line(it, 1)
        it.application.may_answer.set()
        for client in (first, second, late):
            answer = await client.rest()
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert b"\r\nconnection: close\r\n" in answer


async def test_the_wait_for_the_line_counts_for_the_requests_in_progress_as_well() -> None:
    async with served(answers=False, crowd_limits=ROOM_FOR_ONE, grace_seconds=24) as it:
        _, second = await begin_two(it)
        it.server.should_exit = True
        await until(lambda: it.server._table.is_ending)
        pass_time(SECOND * 9)
        second.writer.close()
        await until(lambda: it.server.config.timeout_graceful_shutdown == 24 - 9)
