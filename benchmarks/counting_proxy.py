"""A proxy in front of PostgreSQL that counts statements and round trips."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, Self

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from benchmarks.processes import HOST

_CHUNK: Final = 65_536
#: Messages that run a statement. Source: PostgreSQL's documentation, "Message Formats".
_RUNS: Final = (b"E", b"Q")
_TYPE_BYTES: Final = 1
_LENGTH_BYTES: Final = 4


@dataclass(kw_only=True)
class Counts:
    """What went through the proxy.

    Attributes:
        statements: How many statements clients sent, BEGIN and COMMIT included.
        round_trips: How often a client sent something after an answer.
    """

    statements: int = 0
    round_trips: int = 0

    def since(self, before: "Counts") -> "Counts":
        """Returns what was counted after ``before`` was copied."""
        return Counts(
            statements=self.statements - before.statements,
            round_trips=self.round_trips - before.round_trips,
        )

    def copy(self) -> Self:
        """Returns the counts of this moment."""
        return type(self)(statements=self.statements, round_trips=self.round_trips)


@contextmanager
def counted(database_url: str) -> Iterator[tuple[str, Counts]]:
    """Yields a URL of the same database through a proxy, and what the proxy counts."""
    target = conninfo_to_dict(database_url)
    counts = Counts()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def begin() -> asyncio.Server:
        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await _relay(reader, writer, str(target["host"]), int(str(target["port"])), counts)

        return await asyncio.start_server(relay, HOST)

    server = asyncio.run_coroutine_threadsafe(begin(), loop).result()
    port = server.sockets[0].getsockname()[1]
    try:
        # Without encryption, each message can be read.
        yield (
            make_conninfo(
                database_url, host=HOST, port=port, sslmode="disable", gssencmode="disable"
            ),
            counts,
        )
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def _relay(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    host: str,
    port: int,
    counts: Counts,
) -> None:
    server_reader, server_writer = await asyncio.open_connection(host, port)
    has_answered = True

    async def up() -> None:
        nonlocal has_answered
        messages = _Messages()
        while chunk := await reader.read(_CHUNK):
            counts.round_trips += has_answered
            has_answered = False
            counts.statements += messages.statements_in(chunk)
            server_writer.write(chunk)
            await server_writer.drain()

    async def down() -> None:
        nonlocal has_answered
        while chunk := await server_reader.read(_CHUNK):
            has_answered = True
            writer.write(chunk)
            await writer.drain()

    with suppress(OSError):
        await asyncio.wait(
            [asyncio.ensure_future(up()), asyncio.ensure_future(down())],
            return_when=asyncio.FIRST_COMPLETED,
        )
    server_writer.close()
    writer.close()


class _Messages:
    """Splits what a client sends into its messages."""

    def __init__(self) -> None:
        self._rest = b""
        # The first message has no type.
        self._type_bytes = 0

    def statements_in(self, chunk: bytes) -> int:
        """Returns how many of the messages that the chunk completes run a statement."""
        data, found = self._rest + chunk, 0
        while len(data) >= (head := self._type_bytes + _LENGTH_BYTES):
            size = self._type_bytes + int.from_bytes(data[self._type_bytes : head])
            if len(data) < size:
                break
            found += data[: self._type_bytes] in _RUNS
            data, self._type_bytes = data[size:], _TYPE_BYTES
        self._rest = data
        return found
