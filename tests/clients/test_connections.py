"""How the Python client uses its connections: kept, bounded, and closed."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from socketserver import StreamRequestHandler, ThreadingTCPServer

import httpx
import pytest

from vetassist_client import (
    AsyncSessionCheck,
    AsyncVATokens,
    ClientSecret,
    SessionCheck,
    UnavailableError,
    VATokens,
)
from vetassist_client.connections import Connections

USER = "11111111-1111-4111-8111-111111111111"
GOOD = (
    f"HTTP/1.1 200 OK\r\nX-Auth-User: {USER}\r\nX-Auth-Session: {USER}\r\n"
    "Set-Cookie: stuck=to-somebody-else\r\nContent-Length: 0\r\n\r\n"
).encode()
BEARER = [(b"authorization", b"Bearer x")]
#: Too short for a trickle to end, and no test waits for it twice.
SHORT = 0.3

Serve = Callable[["Connection"], None]
Ask = Callable[[str, float], Awaitable[object]]


class Connection(StreamRequestHandler):
    """One connection to a server that a test writes itself."""

    def handle(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        server.connections += 1
        server.serve(self)

    def read_request(self) -> bytes:
        """Read a request up to its empty line; empty once the client has closed."""
        lines = b""
        while line := self.rfile.readline():
            lines += line
            if line == b"\r\n":
                return lines
        return b""

    def tell(self, text: bytes) -> bool:
        """Write; whether the client still listens."""
        try:
            self.wfile.write(text)
        except OSError:
            return False
        return True


class Server(ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, serve: Serve) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self.serve = serve
        self.connections = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serving(serve: Serve) -> Iterator[Server]:
    with Server(serve) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def always(answer: bytes) -> Serve:
    """A server that gives one answer to each request, on kept connections."""

    def serve(connection: Connection) -> None:
        while connection.read_request():
            connection.tell(answer)

    return serve


@pytest.fixture(params=["asyncio", "threads"])
async def asking(request: pytest.FixtureRequest) -> AsyncIterator[Ask]:
    """Asks the server at a URL; one check for each."""
    checks: dict[str, AsyncSessionCheck | SessionCheck] = {}
    kind = AsyncSessionCheck if request.param == "asyncio" else SessionCheck

    async def ask(url: str, deadline_seconds: float = 20) -> object:
        check = checks.setdefault(url, kind(url, deadline_seconds=deadline_seconds))
        if isinstance(check, AsyncSessionCheck):
            return await check.caller("GET", BEARER)
        return await asyncio.to_thread(check.caller, "GET", BEARER)

    yield ask
    for check in checks.values():
        if isinstance(check, AsyncSessionCheck):
            await check.aclose()
        else:
            check.close()


async def test_checks_share_a_connection_and_no_cookies(asking: Ask) -> None:
    asked: list[bytes] = []

    def serve(connection: Connection) -> None:
        while request := connection.read_request():
            asked.append(request)
            connection.tell(GOOD)

    with serving(serve) as server:
        for _ in range(3):
            await asking(server.url, 20)

    assert server.connections == 1
    assert len(asked) == 3
    assert b"cookie" not in b"".join(asked).lower()


async def test_a_kept_connection_that_breaks_costs_nobody_an_answer(asking: Ask) -> None:
    """The server goes away while it reads the second request on a connection."""

    def serve(connection: Connection) -> None:
        connection.read_request()
        connection.tell(GOOD)
        connection.read_request()

    with serving(serve) as server:
        for _ in range(3):
            await asking(server.url, 20)

    assert server.connections == 3


async def test_a_server_that_always_breaks_off_is_asked_twice_and_no_more(asking: Ask) -> None:
    def serve(connection: Connection) -> None:
        connection.read_request()

    with serving(serve) as server, pytest.raises(UnavailableError):
        await asking(server.url, 20)

    assert server.connections == 2


@pytest.mark.parametrize("kind", [AsyncVATokens, VATokens])
async def test_an_exchange_that_breaks_off_is_not_repeated(
    kind: type[AsyncVATokens | VATokens],
) -> None:
    """Each exchange is a use of the token, which the Veteran sees."""

    def serve(connection: Connection) -> None:
        connection.read_request()

    async def exchange(tokens: AsyncVATokens | VATokens) -> None:
        if isinstance(tokens, AsyncVATokens):
            async with tokens:
                await tokens.token("jwt", purpose="veteran_status")
        else:
            with tokens:
                await asyncio.to_thread(tokens.token, "jwt", purpose="veteran_status")

    with serving(serve) as server, pytest.raises(UnavailableError):
        await exchange(kind(server.url, ClientSecret("client", "secret")))

    assert server.connections == 1


@pytest.mark.parametrize(
    "beginning",
    [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n"],
    ids=["before-the-answer", "in-its-headers", "in-its-body"],
)
async def test_an_answer_that_trickles_in_is_not_waited_for(asking: Ask, beginning: bytes) -> None:
    is_over = threading.Event()

    def serve(connection: Connection) -> None:
        connection.read_request()
        connection.tell(beginning)
        while not is_over.wait(0.02) and (not beginning or connection.tell(b"x")):
            pass

    with serving(serve) as server:
        try:
            # Only whether it ends matters: each byte resets the time-outs of single reads.
            async with asyncio.timeout(30):
                with pytest.raises(UnavailableError):
                    await asking(server.url, SHORT)
        finally:
            is_over.set()


#: As good as an answer can be, but for its length.
TOO_LARGE = GOOD.replace(b"Length: 0\r\n\r\n", b"Length: 70000\r\n\r\n" + b"x" * 70_000)


@pytest.mark.parametrize(
    "answer", [TOO_LARGE, b"something else\r\n\r\n"], ids=["too-large", "no-http"]
)
async def test_what_is_no_answer_of_the_service_lets_nobody_in(asking: Ask, answer: bytes) -> None:
    with serving(always(answer)) as server, pytest.raises(UnavailableError):
        await asking(server.url, 20)


async def test_a_redirect_is_not_followed_even_to_a_good_answer(asking: Ask) -> None:
    asked: list[bytes] = []

    def serve(connection: Connection) -> None:
        while request := connection.read_request():
            asked.append(request.split()[1])
            elsewhere = b"HTTP/1.1 302 Found\r\nLocation: /else\r\nContent-Length: 0\r\n\r\n"
            connection.tell(GOOD if asked[-1] == b"/else" else elsewhere)

    with serving(serve) as server, pytest.raises(UnavailableError):
        await asking(server.url, 20)

    assert asked == [b"/api/v1/verify"]


async def test_nobody_listens(asking: Ask) -> None:
    with serving(always(GOOD)) as server:
        url = server.url

    with pytest.raises(UnavailableError):
        await asking(url, 20)


async def test_proxy_variables_are_ignored(asking: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with serving(always(GOOD)) as server:
        await asking(server.url, 20)


def test_each_event_loop_has_its_own_connections() -> None:
    with serving(always(GOOD)) as server:
        check = AsyncSessionCheck(server.url)

        async def ask() -> None:
            await check.caller("GET", BEARER)
            await check.aclose()
            # Closed, and used again.
            async with check:
                await check.caller("GET", BEARER)

        for _ in range(2):
            asyncio.run(ask())

    assert server.connections == 4


async def test_a_lifespan_closes_the_connections_at_its_end() -> None:
    is_closed = asyncio.Event()
    loop = asyncio.get_running_loop()

    def serve(connection: Connection) -> None:
        while connection.read_request():
            connection.tell(GOOD)
        loop.call_soon_threadsafe(is_closed.set)

    with serving(serve) as server:
        check = AsyncSessionCheck(server.url)
        async with check.lifespan():
            await check.caller("GET", BEARER)
            assert not is_closed.is_set()
        async with asyncio.timeout(30):
            await is_closed.wait()


def test_a_forked_process_opens_its_own_connections() -> None:
    with serving(always(GOOD)) as server:
        check = SessionCheck(server.url)
        check.caller("GET", BEARER)
        # A child that only asks: whether its status is 0 is all that it can say.
        child = os.fork()
        if child == 0:
            try:
                check.caller("GET", BEARER)
                os._exit(0)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        check.caller("GET", BEARER)
        check.close()

    assert status == 0
    assert server.connections == 2


def test_the_transport_for_threads_passes_a_body_on() -> None:
    """Only the token exchange has one."""
    received: list[bytes] = []

    def serve(connection: Connection) -> None:
        connection.read_request()
        received.append(connection.rfile.read(3))
        connection.tell(GOOD)

    with serving(serve) as server:
        connections = Connections(
            httpx.URL(server.url), deadline_seconds=20, ssl_context=None, transport=None
        )
        answer = connections.send(httpx.Request("POST", server.url, content=b"a=b"))
        connections.close()

    assert (answer.status, received) == (200, [b"a=b"])
