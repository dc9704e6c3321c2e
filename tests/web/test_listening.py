"""Sockets that the server listens on, from the first client to the last one. On uvloop."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import final

import pytest
import uvicorn
from pytest_mock import MockerFixture
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from entrypoints.serving.bounded_http import BoundedHTTP
from entrypoints.serving.connection_table import ConnectionTable
from entrypoints.serving.listening import Listener
from entrypoints.serving.server import serve
from entrypoints.settings_reader import read_settings
from entrypoints.sockets import bound_sockets
from tests.support.environment import required_settings
from tests.support.product import serving, until

HOST = "127.0.0.1"
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
PATIENCE_SECONDS = 20


@pytest.fixture
def sockets() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


async def here(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("here")(scope, receive, send)


@final
class Greeter(asyncio.Protocol):
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        transport.write(b"welcome")
        transport.close()


def refuses(port: int) -> bool:
    try:
        socket.create_connection((HOST, port)).close()
    except ConnectionRefusedError:
        return True
    return False


async def test_a_client_in_the_queue_is_let_in_before_the_socket_closes(
    sockets: ExitStack,
) -> None:
    (listening,) = bound_sockets(HOST, 0)
    listener = Listener(listening, Greeter, ConnectionTable(10))
    port = listening.getsockname()[1]
    listener.start()
    # The event loop does not run meanwhile, so nobody has accepted them yet.
    clients = [sockets.enter_context(socket.create_connection((HOST, port))) for _ in range(20)]

    await listener.close()

    assert refuses(port)
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(PATIENCE_SECONDS):
        for client in clients:
            client.setblocking(False)
            assert await loop.sock_recv(client, 10) == b"welcome"


async def test_a_request_that_comes_while_the_server_ends_gets_the_connections_last_answer(
    mocker: MockerFixture, sockets: ExitStack
) -> None:
    mocker.patch("entrypoints.serving.http_server._LINGER_SECONDS", 60)
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(PATIENCE_SECONDS), serving(here) as (url, server):
        port = int(url.rpartition(":")[2])
        kept, new = (
            sockets.enter_context(socket.create_connection((HOST, port))) for _ in range(2)
        )
        for each in (kept, new):
            each.setblocking(False)
        await loop.sock_sendall(kept, GET)
        before = await loop.sock_recv(kept, 65_536)
        await until(lambda: len(server.server_state.connections) == 2)

        server.should_exit = True
        await until(lambda: refuses(port))
        # Longer than uvicorn takes to close what is idle.
        await asyncio.sleep(0.3)
        answers = []
        for each in (kept, new):
            await loop.sock_sendall(each, GET)
            answers.append(await loop.sock_recv(each, 65_536))
            assert await loop.sock_recv(each, 1) == b""

    assert b"connection: close" not in before
    for answer in answers:
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"\r\nconnection: close\r\n" in answer


async def test_connections_that_nobody_uses_are_closed_at_the_end_without_a_deadline_of_theirs(
    sockets: ExitStack,
) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS), serving(here) as (url, server):
        port = int(url.rpartition(":")[2])
        sockets.enter_context(socket.create_connection((HOST, port)))
        await until(lambda: len(server.server_state.connections) == 1)


UPGRADE = (
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n"
)
POST = b"POST /x HTTP/1.1\r\nHost: x\r\n" + UPGRADE
WITH_LENGTH = POST + b"Content-Length: 5\r\n\r\nhello"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
BARE = b"GET /x HTTP/1.1\r\nHost: x\r\n" + UPGRADE + b"\r\n"
ECHOED, NOTHING_ECHOED = b"POST /x upgrade=[] body=hello", b"GET /x upgrade=[] body="


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with what arrived."""
    request = Request(scope, receive)
    sent = request.headers.getlist("upgrade")
    assert sent in ([], ["h2c"])
    body = (await request.body()).decode()
    text = f"{request.method} {request.url.path} upgrade=[] body={body}"
    await PlainTextResponse(text)(scope, receive, send)


@pytest.mark.parametrize(
    ("parts", "bodies"),
    [
        ([WITH_LENGTH], [ECHOED]),
        ([WITH_LENGTH[:-5], b"hello"], [ECHOED]),
        ([WITH_LENGTH[:-3], b"llo"], [ECHOED]),
        ([WITH_LENGTH[:60], WITH_LENGTH[60:]], [ECHOED]),
        ([bytes([byte]) for byte in WITH_LENGTH], [ECHOED]),
        ([CHUNKED], [ECHOED]),
        ([bytes([byte]) for byte in CHUNKED], [ECHOED]),
        ([BARE], [NOTHING_ECHOED]),
        # Pipelined, and the offer repeated.
        ([WITH_LENGTH + CHUNKED + BARE + WITH_LENGTH], [ECHOED, ECHOED, NOTHING_ECHOED, ECHOED]),
    ],
)
async def test_an_offer_to_upgrade_is_ignored_and_its_body_read(
    sockets: ExitStack, parts: list[bytes], bodies: list[bytes]
) -> None:
    """As Java's HttpClient offers HTTP/2."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(PATIENCE_SECONDS), serving(echo, grace_seconds=1) as (url, _):
        client = sockets.enter_context(socket.create_connection((HOST, int(url.split(":")[2]))))
        client.setblocking(False)
        for part in parts:
            await loop.sock_sendall(client, part)
        received = b""
        while received.count(b"upgrade=[]") < len(bodies) or not received.endswith(bodies[-1]):
            chunk = await loop.sock_recv(client, 65_536)
            assert chunk, "the server closed the connection"
            received += chunk
    answers = [part.partition(b"\r\n\r\n") for part in received.split(b"HTTP/1.1 200 OK\r\n")[1:]]
    assert [body for _, _, body in answers] == bodies
    assert not any(b"connection: close" in head for head, _, _ in answers)


async def test_a_client_that_waits_for_100_is_told_to_go_on_with_or_without_an_offer(
    sockets: ExitStack,
) -> None:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(PATIENCE_SECONDS), serving(echo, grace_seconds=1) as (url, _):
        for offer in (UPGRADE, b""):
            client = sockets.enter_context(socket.create_connection((HOST, int(url.split(":")[2]))))
            client.setblocking(False)
            head = b"POST /x HTTP/1.1\r\nHost: x\r\n" + offer
            await loop.sock_sendall(
                client, head + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"
            )
            assert await loop.sock_recv(client, 65_536) == b"HTTP/1.1 100 Continue\r\n\r\n"
            await loop.sock_sendall(client, b"hello")
            received = b""
            while not received.endswith(ECHOED):
                chunk = await loop.sock_recv(client, 65_536)
                assert chunk, "the server closed the connection"
                received += chunk
            assert received.startswith(b"HTTP/1.1 200 OK\r\n")


async def test_a_tunnel_is_refused_as_before(sockets: ExitStack) -> None:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(PATIENCE_SECONDS), serving(echo, grace_seconds=1) as (url, _):
        client = sockets.enter_context(socket.create_connection((HOST, int(url.split(":")[2]))))
        client.setblocking(False)
        await loop.sock_sendall(client, b"CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n")
        assert (await loop.sock_recv(client, 65_536)).startswith(b"HTTP/1.1 400 ")


async def test_no_request_is_cut_off_by_the_keep_alive_of_the_one_before(
    sockets: ExitStack,
) -> None:
    """However long its answer takes."""
    timers: list[object] = []
    servers: list[uvicorn.Server] = []

    async def look(scope: Scope, receive: Receive, send: Send) -> None:
        (connection,) = servers[0].server_state.connections
        assert isinstance(connection, BoundedHTTP)
        timers.append(connection.timeout_keep_alive_task)
        await here(scope, receive, send)

    loop = asyncio.get_running_loop()
    async with asyncio.timeout(PATIENCE_SECONDS), serving(look) as (url, server):
        servers.append(server)
        client = sockets.enter_context(socket.create_connection((HOST, int(url.split(":")[2]))))
        client.setblocking(False)
        for _ in range(2):
            await loop.sock_sendall(client, GET)
            assert (await loop.sock_recv(client, 65_536)).startswith(b"HTTP/1.1 200 OK\r\n")
    assert timers == [None, None]


def test_the_setting_says_how_long_an_idle_connection_is_kept(mocker: MockerFixture) -> None:
    served = mocker.patch("entrypoints.serving.http_server.HTTPServer")
    given = required_settings() | {"VETASSIST_KEEP_ALIVE_SECONDS": "7"}
    serve(read_settings(given), [], checks_client=False)
    assert served.call_args.args[0].timeout_keep_alive == 7
