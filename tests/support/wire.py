"""HTTP/1.1 by hand, for tests that ask so often that a whole client would be the slow part."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, final
from urllib.parse import urlsplit

_END_OF_HEAD: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length:"


@final
class Wire:
    """One connection that is kept alive; one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, method: str, path: str, token: str) -> int:
        """The status of the answer to a request that shows a JWT."""
        self._writer.write(
            f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        )
        head = await self._reader.readuntil(_END_OF_HEAD)
        for line in head.lower().split(b"\r\n"):
            if line.startswith(_LENGTH):
                await self._reader.readexactly(int(line[len(_LENGTH) :]))
        return int(head.split(b" ", 2)[1])


@asynccontextmanager
async def wire(url: str) -> AsyncIterator[Wire]:
    """A connection to a service."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()
        await writer.wait_closed()
