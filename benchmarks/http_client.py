"""A fast HTTP/1.1 client with only what the benchmarks need."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An HTTP response. Header names are in lower case."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        """Returns the first header of that name, or an empty string."""
        return next((value for each, value in self.headers if each == name), "")

    @property
    def cookies(self) -> str:
        """The cookies that the answer set, as a Cookie header for the next request."""
        values = [value for name, value in self.headers if name == "set-cookie"]
        return "; ".join(value.partition(";")[0] for value in values)


class Connection:
    """A connection that is reused for many requests."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    @classmethod
    def to(cls, url: str) -> Self:
        """Returns a connection to the host of ``url``."""
        parts = urlsplit(url)
        if parts.hostname is None or parts.port is None:
            raise ValueError(f"{url} has no host or no port")
        return cls(parts.hostname, parts.port)

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()
            await self._writer.wait_closed()

    async def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] = _NOTHING,
        body: bytes = b"",
    ) -> Answer:
        """Sends a request and returns the whole answer."""
        if self._reader is None or self._writer is None:
            raise RuntimeError("the connection is not open")
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._host}:{self._port}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        self._writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = [line.partition(": ") for line in head[1:] if line]
        received = [(name.lower(), value) for name, _, value in pairs]
        length = next((int(value) for name, value in received if name == "content-length"), 0)
        content = await self._reader.readexactly(length) if length else b""
        return Answer(status=int(head[0].split()[1]), headers=received, body=content)


def target_of(url: str) -> str:
    """Returns the path of a URL with its query."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
