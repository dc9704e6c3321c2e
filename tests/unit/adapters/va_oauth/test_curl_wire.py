"""What the wire of production does with answers, over real sockets."""

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import certifi
import pytest

from adapters.va_oauth.bounded_http import Received, Wire
from adapters.va_oauth.curl_wire import CurlWire
from application.errors import ProviderUnavailableError
from tests.support.certificates import certified
from tests.support.held_server import HeldServer
from tests.support.product import until

MOST = 1_000
AUTHORITIES = certifi.where()
HEADERS = {"Accept-Encoding": "identity"}
LOCATION = b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 100\r\n\r\n"
#: What a server does with a client.
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None] | None]
#: Sends a request for a path: a GET, or a POST with this body.
Ask = Callable[[str], Coroutine[Any, Any, Received]]


class Server:
    """Gives the same bytes in answer to each request, and closes the connection."""

    def __init__(self, *answers: bytes) -> None:
        self._answers = iter(answers)
        self.heads: list[bytes] = []
        self.was_left = asyncio.Event()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.heads.append(await reader.readuntil(b"\r\n\r\n"))
        except asyncio.IncompleteReadError:
            # Who refuses our certificate may have ended the handshake before.
            writer.close()
            return
        answer = next(self._answers)
        writer.write(answer)
        if not answer.endswith(b"..."):
            writer.close()
        await reader.read()
        self.was_left.set()
        writer.close()


@asynccontextmanager
async def listening(talk: Talk) -> AsyncIterator[str]:
    """The URL at which ``talk`` talks to each client."""
    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def wire_of_production() -> AsyncIterator[CurlWire]:
    wire = CurlWire(AUTHORITIES)
    try:
        yield wire
    finally:
        await wire.aclose()


@asynccontextmanager
async def asked(server: Server, body: bytes = b"") -> AsyncIterator[Ask]:
    async with listening(server.talk) as origin, wire_of_production() as wire:

        async def get(path: str) -> Received:
            method = "POST" if body else "GET"
            return await wire.send(method, origin + path, HEADERS, body, max_bytes=MOST)

        yield get


async def sent(wire: Wire, method: str, url: str) -> Received:
    body = b"code=once" if method == "POST" else b""
    return await wire.send(method, url, HEADERS, body, max_bytes=MOST)


def answer(body: bytes, *headers: str, length: int | None = None) -> bytes:
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body) if length is None else length}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


async def test_an_answer_is_passed_on_as_it_came() -> None:
    packed = gzip.compress(b"{}")
    async with asked(Server(answer(packed, "content-ENCODING: gzip"))) as get:
        received = await get("/path?query=%20")

    assert (received.status, received.body) == (200, packed)
    assert received.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("excess", [0, 1])
async def test_a_body_is_read_up_to_its_limit_and_then_left(excess: int) -> None:
    body = b"x" * (MOST + excess)
    async with asked(Server(answer(body, "X-Policy: " + "p" * 30_000))) as get:
        received = await get("/")

    assert received.body == (None if excess else body)


async def test_a_body_without_an_end_is_left_at_the_limit() -> None:
    server = Server(answer(b"x" * MOST * 2 + b"...", length=10**9))
    async with asked(server) as get:
        assert (await get("/")).body is None
        await server.was_left.wait()


async def test_a_redirect_is_not_followed_and_its_body_not_waited_for() -> None:
    server = Server(LOCATION + b"...")
    async with asked(server) as get:
        received = await get("/")
        await server.was_left.wait()

    assert received.is_redirect
    assert len(server.heads) == 1


async def test_each_request_has_its_own_connection_and_nothing_of_the_answers_before() -> None:
    server = Server(answer(b"", "Set-Cookie: a=b; Path=/"), answer(b""))
    async with asked(server) as get:
        await get("/")
        await get("/")

    for head in server.heads:
        assert b"\r\nconnection: close\r\n" in head.lower()
        assert b"\r\ncookie" not in head.lower()
        assert head.lower().count(b"accept-encoding") == 1


async def test_the_proxy_variables_of_the_environment_have_no_effect(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with asked(Server(answer(b"{}"))) as get:
        assert (await get("/")).body == b"{}"


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        answer(b"half", length=8),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        answer(b"", "X-Policy: " + "p" * 110_000),
    ],
    ids=["nothing", "no HTTP", "half a head", "half a body", "no chunk", "no length", "long head"],
)
async def test_what_is_no_whole_answer_means_that_the_provider_is_unavailable(bad: bytes) -> None:
    server = Server(bad)
    async with asked(server, b"code=once") as post:
        with pytest.raises(ProviderUnavailableError):
            await post("/")

    # A code that was sent is never sent again.
    assert len(server.heads) == 1


@pytest.mark.parametrize("url", ["http://", "https://[", "ftp://va.example/", "http://a b/"])
async def test_an_address_that_leads_nowhere_means_the_same(url: str) -> None:
    async with wire_of_production() as wire:
        with pytest.raises(ProviderUnavailableError):
            await sent(wire, "GET", url)


@pytest.mark.parametrize(
    ("is_trusted", "host"), [(True, "localhost"), (False, "localhost"), (True, "127.0.0.1")]
)
async def test_a_certificate_must_be_for_the_host_and_by_a_trusted_authority(
    tmp_path: Path, *, is_trusted: bool, host: str
) -> None:
    certified(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "api.pem", tmp_path / "api.key")
    server = Server(answer(b"{}"))
    wire = CurlWire(str(tmp_path / "api.pem") if is_trusted else AUTHORITIES)
    async with await asyncio.start_server(server.talk, "127.0.0.1", 0, ssl=tls) as its:
        url = f"https://{host}:{its.sockets[0].getsockname()[1]}/"
        asking = wire.send("GET", url, HEADERS, b"", max_bytes=MOST)
        if is_trusted and host == "localhost":
            assert (await asking).body == b"{}"
        else:
            with pytest.raises(ProviderUnavailableError):
                await asking
    await wire.aclose()

    # Nothing was said to a server that may be another.
    assert len(server.heads) == int(is_trusted and host == "localhost")


async def test_what_comes_before_the_answer_and_after_it_is_no_part_of_it() -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nContent-Type: text/html\r\n\r\n"
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nRetry-After: 1\r\n\r\n"
    chunks = b"2\r\n{}\r\n0\r\nRetry-After: 2\r\n\r\n"
    async with asked(Server(early + head + chunks)) as get:
        received = await get("/")

    assert (received.status, received.body) == (200, b"{}")
    assert "content-type" not in received.headers
    assert received.headers["retry-after"] == "1"


async def test_a_call_that_is_given_up_leaves_its_server() -> None:
    server = Server(b"HTTP/1.1 200 OK\r\n...")
    async with asked(server) as get:
        call = asyncio.create_task(get("/"))
        await until(lambda: len(server.heads) == 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await server.was_left.wait()


async def test_no_other_protocol_is_spoken() -> None:
    connected: list[asyncio.StreamWriter] = []

    def leave(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.append(writer)
        writer.close()

    async with listening(leave) as url, wire_of_production() as wire:
        with pytest.raises(ProviderUnavailableError):
            await sent(wire, "GET", url.replace("http:", "ftp:"))

    assert connected == []


async def test_in_a_conversation_one_get_takes_the_connection_that_a_post_left() -> None:
    server = HeldServer(is_held=False)
    async with server.listening() as url, wire_of_production() as wire:
        with wire.conversation() as conversation:
            await sent(conversation, "POST", url)
            await asyncio.gather(*(sent(conversation, "GET", url) for _ in range(2)))

    assert (server.requests, server.connections) == (3, 2)


@pytest.mark.parametrize(
    "then", [("POST",), ("GET", "GET")], ids=["no POST", "no GET after another"]
)
async def test_in_a_conversation_no_other_request_does(then: tuple[str, ...]) -> None:
    server = HeldServer(is_held=False)
    async with server.listening() as url, wire_of_production() as wire:
        with wire.conversation() as conversation:
            await sent(conversation, "POST", url)
            for method in then:
                await sent(conversation, method, url)

    assert server.connections == 2


async def test_no_request_takes_the_connection_of_another_conversation() -> None:
    server = HeldServer(is_held=False)
    async with server.listening() as url, wire_of_production() as wire:
        with wire.conversation() as conversation, wire.conversation() as another:
            await sent(conversation, "POST", url)
            await sent(another, "GET", url)
            await sent(wire, "GET", url)
        with wire.conversation() as later:
            await sent(later, "GET", url)

    assert server.connections == 4


async def test_a_get_whose_connection_was_closed_meanwhile_is_sent_on_a_new_one() -> None:
    server = HeldServer(is_held=False)
    server.resets_used_connections = True
    async with server.listening() as url, wire_of_production() as wire:
        with wire.conversation() as conversation:
            await sent(conversation, "POST", url)
            assert (await sent(conversation, "GET", url)).body == b"{}"

    assert server.connections == 2


@pytest.mark.parametrize("is_at_once", [True, False])
async def test_what_follows_an_answer_is_not_taken_for_the_next_one(*, is_at_once: bool) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"POST"):
            await reader.readexactly(len(b"code=once"))
            writer.write(answer(b"tokens"))
            if not is_at_once:
                await writer.drain()
            writer.write(answer(b"of another"))
            await reader.read()
        else:
            writer.write(answer(b"ours"))
        writer.close()

    async with listening(talk) as url, wire_of_production() as wire:
        with wire.conversation() as conversation:
            assert (await sent(conversation, "POST", url)).body == b"tokens"
            assert (await sent(conversation, "GET", url)).body == b"ours"


async def test_a_call_that_is_given_up_in_a_conversation_leaves_its_server() -> None:
    server = Server(b"HTTP/1.1 200 OK\r\n...")
    async with listening(server.talk) as url, wire_of_production() as wire:
        with wire.conversation() as conversation:
            call = asyncio.create_task(sent(conversation, "POST", url))
            await until(lambda: len(server.heads) == 1)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        await server.was_left.wait()


async def test_a_conversation_that_is_over_has_closed_the_connection_of_its_post() -> None:
    left = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"code=once")
        writer.write(answer(b"{}"))
        assert await reader.read() == b""
        left.set()
        writer.close()

    async with listening(talk) as url, wire_of_production() as wire:
        with wire.conversation() as conversation:
            await sent(conversation, "POST", url)
            assert not left.is_set()
        await left.wait()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"HTTP/1.1 200 OK\r\nHTTP/1.1 500: x\r\nContent-Length: 2\r\n\r\n", 200),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n", 201),
        (b"HTTP/1.0 404\r\n\r\n", 404),
    ],
    ids=["a header like a status line", "provisional first", "nothing but a status"],
)
async def test_the_status_is_that_of_the_first_line_of_the_last_head(
    head: bytes, status: int
) -> None:
    async with asked(Server(head + b"{}")) as get:
        received = await get("/")

    assert (received.status, received.body) == (status, b"{}")


async def test_an_answer_that_is_only_provisional_is_none() -> None:
    async with asked(Server(b"HTTP/1.1 103 Early Hints\r\n\r\n")) as get:
        with pytest.raises(ProviderUnavailableError):
            await get("/")
