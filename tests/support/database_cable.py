"""The cable between a service and PostgreSQL, which a test can cut, mend and make lossy."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, final

from anyio.from_thread import BlockingPortal, start_blocking_portal
from psycopg.conninfo import conninfo_to_dict, make_conninfo

_HOST: Final = "127.0.0.1"
_PORT: Final = 5432
_CHUNK: Final = 65_536
#: Linux sends a lost packet again after this long at the earliest.
_RETRANSMISSION_SECONDS: Final = 0.2


@final
class DatabaseCable:
    """Passes everything on, until it is cut: then nobody answers at its end.

    Attributes:
        loss: The share of packets that are lost, each time they are sent. The chances are the
            same in each run.
    """

    loss: float = 0.0

    def __init__(self, database_url: str, portal: BlockingPortal) -> None:
        self._parameters: dict[str, Any] = dict(conninfo_to_dict(database_url))
        self._far_host = str(self._parameters["host"])
        self._far_port = int(self._parameters.get("port") or _PORT)
        self._portal = portal
        self._port = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._chances = random.Random(7)

    @property
    def url(self) -> str:
        """What to connect to instead of the database."""
        return make_conninfo(**{**self._parameters, "host": _HOST, "port": self._port})

    def mend(self) -> None:
        """Let connections through, old port or not."""
        self._portal.call(self._listen)

    def cut(self) -> None:
        """Refuse new connections, and break every one that stands."""
        self._portal.call(self._break)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._connect, _HOST, self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def _break(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(self._far_host, self._far_port)
        except OSError:
            writer.transport.abort()
            return
        async with asyncio.TaskGroup() as directions:
            directions.create_task(self._pass_on(reader, far_writer))
            directions.create_task(self._pass_on(far_reader, writer))

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                wait = _RETRANSMISSION_SECONDS
                while self._chances.random() < self.loss:
                    await asyncio.sleep(wait)
                    wait *= 2
                writer.write(data)
                await writer.drain()
        self._writers.discard(writer)
        writer.transport.abort()


@contextmanager
def database_cable(database_url: str) -> Iterator[DatabaseCable]:
    """A cable to the database, whole at first."""
    with start_blocking_portal() as portal:
        cable = DatabaseCable(database_url, portal)
        cable.mend()
        try:
            yield cable
        finally:
            cable.cut()
