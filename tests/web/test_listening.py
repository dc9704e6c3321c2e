"""Sockets that the server listens on, from the first client to the last one. On uvloop."""

import asyncio
import errno
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import final

import pytest
from pytest_mock import MockerFixture
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from entrypoints.serving.connection_table import ConnectionTable
from entrypoints.serving.listening import Listener, bound_sockets
from tests.support.product import serving, until

HOST = "127.0.0.1"
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
PATIENCE_SECONDS = 60


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


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_every_address_is_every_address_of_both_kinds(sockets: ExitStack) -> None:
    bound = [sockets.enter_context(each) for each in bound_sockets("::", 0)]

    assert {each.family for each in bound} == {socket.AF_INET, socket.AF_INET6}
    assert len({each.getsockname()[1] for each in bound}) == 1


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "0.0.0.0"])
def test_a_host_is_bound_to_the_addresses_that_this_machine_has(
    sockets: ExitStack, host: str
) -> None:
    bound = [sockets.enter_context(each) for each in bound_sockets(host, 0)]

    assert socket.AF_INET in {each.family for each in bound}


def test_an_address_that_is_taken_is_refused(sockets: ExitStack) -> None:
    taken = sockets.enter_context(socket.create_server((HOST, 0)))
    with pytest.raises(OSError) as refused:
        bound_sockets(HOST, taken.getsockname()[1])
    assert refused.value.errno == errno.EADDRINUSE


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(OSError) as refused:
        bound_sockets("192.0.2.1", 0)
    assert refused.value.errno == errno.EADDRNOTAVAIL
