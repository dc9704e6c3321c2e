"""A look at the wire between a client and PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, final

from psycopg.conninfo import conninfo_to_dict, make_conninfo

_HOST: Final = "127.0.0.1"
_CHUNK_BYTES: Final = 64 * 1024
_DEFAULT_PORT: Final = 5432
_LENGTH_BYTES: Final = 4
_COMMIT: Final = b"COMMIT"


class CommitMoment(Enum):
    """How far a COMMIT has come."""

    #: The client has sent it, and the server has not received it.
    SENT = auto()
    #: The server has received it, and the client has no answer.
    RECEIVED = auto()
    #: The client has the answer that the transaction is committed.
    ANSWERED = auto()


#: Called with the process id of the server's end of the connection.
CommitObserver = Callable[[CommitMoment, int], None]


def _ignore(_moment: CommitMoment, _process: int) -> None:
    pass


@dataclass(slots=True)
class Wire:
    """Counts round trips, and reports each COMMIT on its way.

    Attributes:
        database_url: Where a client has to connect to be seen.
        round_trips: How often the server answered after the client had spoken.
        on_commit: Called at each moment of each COMMIT, before the wire passes on anything else.
    """

    database_url: str
    round_trips: int = 0
    on_commit: CommitObserver = _ignore

    def reset(self) -> None:
        self.round_trips = 0


@asynccontextmanager
async def tapped(database_url: str) -> AsyncIterator[Wire]:
    """A way to the same database that is watched."""
    server = conninfo_to_dict(database_url)
    host, port = str(server["host"]), int(server.get("port") or _DEFAULT_PORT)
    wire = Wire("")
    visitors: set[asyncio.Task[None]] = set()

    async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        visitors.add(task)
        try:
            far_reader, far_writer = await asyncio.open_connection(host, port)
        except OSError:
            writer.transport.abort()
            return
        watched = _Visit(wire)
        await asyncio.gather(watched.ask(reader, far_writer), watched.answer(far_reader, writer))

    listener = await asyncio.start_server(visit, _HOST, 0)
    wire.database_url = make_conninfo(
        database_url,
        host=_HOST,
        port=listener.sockets[0].getsockname()[1],
        # Encrypted messages cannot be read.
        sslmode="disable",
        gssencmode="disable",
    )
    try:
        yield wire
    finally:
        listener.close()
        await asyncio.gather(*visitors)


@final
class _Visit:
    """One connection of a client."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._client_has_spoken = False
        self._process = 0
        self._commits: set[bytes] = set()
        self._has_committed = False

    async def ask(self, client: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        """Pass on what the client says."""
        messages = _Messages(kind_bytes=0)
        with suppress(OSError):
            while spoken := await client.read(_CHUNK_BYTES):
                self._client_has_spoken = True
                is_commit = False
                for kind, body in messages.of(spoken):
                    is_commit |= self._commits_with(kind, body)
                if is_commit:
                    self._wire.on_commit(CommitMoment.SENT, self._process)
                await _pass_on(spoken, server)
                if is_commit:
                    self._wire.on_commit(CommitMoment.RECEIVED, self._process)
        server.close()

    async def answer(self, server: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        """Pass on what the server says."""
        messages = _Messages(kind_bytes=1)
        with suppress(OSError):
            while spoken := await server.read(_CHUNK_BYTES):
                if self._client_has_spoken:
                    self._client_has_spoken = False
                    self._wire.round_trips += 1
                is_committed = False
                for kind, body in messages.of(spoken):
                    is_committed |= self._answers(kind, body)
                await _pass_on(spoken, client)
                if is_committed:
                    self._wire.on_commit(CommitMoment.ANSWERED, self._process)
        client.close()

    def _commits_with(self, kind: bytes, body: bytes) -> bool:
        """Whether this message of the client makes the server commit."""
        if kind == b"P":
            statement, query = body.split(b"\0")[:2]
            if query == _COMMIT:
                self._commits.add(statement)
            else:
                self._commits.discard(statement)
        if kind == b"B":
            return body.split(b"\0")[1] in self._commits
        return kind == b"Q" and body.rstrip(b"\0") == _COMMIT

    def _answers(self, kind: bytes, body: bytes) -> bool:
        """Whether this message of the server completes the answer to a COMMIT."""
        if kind == b"K":
            self._process = int.from_bytes(body[:_LENGTH_BYTES], "big")
        elif kind == b"C" and body.rstrip(b"\0") == _COMMIT:
            self._has_committed = True
        elif kind == b"Z" and self._has_committed:
            self._has_committed = False
            return True
        return False


async def _pass_on(spoken: bytes, writer: asyncio.StreamWriter) -> None:
    # uvloop raises RuntimeError if the connection is lost by now.
    if writer.is_closing():
        raise ConnectionResetError
    writer.write(spoken)
    await writer.drain()


@final
class _Messages:
    """Splits what one side says into messages.

    Args:
        kind_bytes: The length of the first message's type: the client's first message has none.
    """

    def __init__(self, *, kind_bytes: int) -> None:
        self._kind_bytes = kind_bytes
        self._buffer = b""

    def of(self, spoken: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The type and the body of each message that is complete by now."""
        self._buffer += spoken
        while len(self._buffer) >= (head := self._kind_bytes + _LENGTH_BYTES):
            length = int.from_bytes(self._buffer[self._kind_bytes : head], "big")
            if len(self._buffer) < (end := self._kind_bytes + length):
                return
            kind, body = self._buffer[: self._kind_bytes], self._buffer[head:end]
            self._buffer = self._buffer[end:]
            self._kind_bytes = 1
            yield kind, body
