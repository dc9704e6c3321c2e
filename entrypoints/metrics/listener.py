"""The metrics server for Prometheus, on a port apart from the public one.

It serves one path and needs no framework. It reads the head of a request within limits of size
and time, answers, and closes the connection.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final

import structlog

from entrypoints.sockets import CannotListenError, listening_sockets

_log = structlog.stdlib.get_logger("vetassist.metrics")

#: Takes an Accept header. Returns the content type and the body.
Scrape = Callable[[str], Awaitable[tuple[str, bytes]]]

_PATH: Final = "/metrics"
_MAX_HEAD_BYTES: Final = 16_384
_PATIENCE_SECONDS: Final = 10.0
_PLAIN: Final = "text/plain; charset=utf-8"


@asynccontextmanager
async def metrics_listener(
    scrape: Scrape, *, host: str, port: int, processes: int
) -> AsyncIterator[int]:
    """Answers scrapes within the block and yields this process's port.

    Each process listens on the first free port of ``port`` to ``port + processes - 1``.

    Args:
        scrape: Returns the answer.
        host: The address to listen on.
        port: The first port to try.
        processes: The number of server processes, and so of ports to try.

    Raises:
        CannotListenError: None of the ports is free.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                answer = await _answer(reader, scrape)
                # uvloop raises RuntimeError if the connection is lost by now.
                if not writer.is_closing():
                    writer.write(answer)
                    await writer.drain()
        except (TimeoutError, ConnectionError):
            _log.debug("scrape_broken_off")
        finally:
            writer.close()

    servers, taken = await _listen(serve, host, port, processes)
    _log.info("metrics", host=host, port=taken)
    try:
        yield taken
    finally:
        for server in servers:
            server.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await asyncio.gather(*(server.wait_closed() for server in servers))


async def _listen(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    host: str,
    port: int,
    processes: int,
) -> tuple[list[asyncio.Server], int]:
    for candidate in range(port, port + processes):
        try:
            # Several processes can bind to a port, but only one of them can listen on it.
            listening = listening_sockets(host, candidate)
        except CannotListenError:
            if candidate == port + processes - 1:
                raise
        else:
            servers = [
                await asyncio.start_server(serve, sock=each, limit=_MAX_HEAD_BYTES)
                for each in listening
            ]
            return servers, listening[0].getsockname()[1]
    raise AssertionError  # pragma: no cover - there is at least one process


async def _answer(reader: asyncio.StreamReader, scrape: Scrape) -> bytes:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.LimitOverrunError, asyncio.IncompleteReadError):
        return _response(HTTPStatus.BAD_REQUEST)
    line, *fields = head.decode("latin-1").split("\r\n")
    method, _, rest = line.partition(" ")
    path = rest.partition(" ")[0].partition("?")[0]
    if path != _PATH:
        return _response(HTTPStatus.NOT_FOUND)
    if method != "GET":
        return _response(HTTPStatus.METHOD_NOT_ALLOWED, allow="GET")
    try:
        content_type, body = await scrape(_field(fields, "accept"))
    except Exception as error:  # noqa: BLE001 - a bug here must not stop the service
        _log.error("scrape_failed", error=type(error).__name__)
        return _response(HTTPStatus.INTERNAL_SERVER_ERROR)
    return _response(HTTPStatus.OK, content_type, body)


def _field(fields: list[str], wanted: str) -> str:
    for field in fields:
        name, _, value = field.partition(":")
        if name.strip().lower() == wanted:
            return value.strip()
    return ""


def _response(
    status: HTTPStatus, content_type: str = _PLAIN, body: bytes | None = None, *, allow: str = ""
) -> bytes:
    body = f"{status.phrase}\n".encode() if body is None else body
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        "Connection: close",
        *([f"Allow: {allow}"] if allow else []),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
