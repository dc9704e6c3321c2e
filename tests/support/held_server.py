"""An HTTP server on a real socket that answers when the test says so."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final, final

_ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@final
class HeldServer:
    """Holds each request until it is released; never says that it will close a connection.

    Args:
        is_held: Whether requests are held from the start.

    Attributes:
        url: Where it listens.
        connections: How many connections were made.
        requests: How many requests arrived.
        resets_used_connections: Whether a connection that has brought one answer is reset when
            the next request arrives on it. To the client that is the same as a connection that
            the server closed at that moment.
        breaks_new_connections: How many new connections it closes at once.
    """

    def __init__(self, *, is_held: bool) -> None:
        self.url = ""
        self.connections = 0
        self.requests = 0
        self.resets_used_connections = False
        self.breaks_new_connections = 0
        self._released = asyncio.Event()
        if not is_held:
            self.release()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """Listen until the block ends; gives the URL."""
        talks: list[asyncio.Task[None]] = []

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            talks.append(asyncio.create_task(self._talk(reader, writer)))

        # Room for everybody: whoever finds the line full tries again after a second.
        async with await asyncio.start_server(accept, "127.0.0.1", 0, backlog=1000) as server:
            port = server.sockets[0].getsockname()[1]
            self.url = f"http://127.0.0.1:{port}"
            try:
                yield self.url
            finally:
                for talk in talks:
                    talk.cancel()
                await asyncio.gather(*talks, return_exceptions=True)

    def release(self) -> None:
        """Answer the requests that are held, and all later ones at once."""
        self._released.set()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            if self.connections > self.breaks_new_connections:
                with suppress(ConnectionError, asyncio.IncompleteReadError):
                    await self._answer_requests(reader, writer)
        finally:
            writer.transport.abort()

    async def _answer_requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(_body_length(head))
            self.requests += 1
            await self._released.wait()
            writer.write(_ANSWER)
            await writer.drain()
            if self.resets_used_connections:
                await reader.readexactly(1)
                return


def _body_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0
