"""A look at the wire between a client and PostgreSQL."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from psycopg.conninfo import conninfo_to_dict, make_conninfo

_CHUNK_BYTES: Final = 64 * 1024
_DEFAULT_PORT: Final = 5432


@dataclass(slots=True)
class Wire:
    """Counts how often the client spoke and then had to wait for the server.

    Attributes:
        database_url: Where a client has to connect to be seen.
        round_trips: How often the server answered after the client had spoken.
    """

    database_url: str
    round_trips: int = 0

    def reset(self) -> None:
        self.round_trips = 0


@asynccontextmanager
async def tapped(database_url: str) -> AsyncIterator[Wire]:
    """A way to the same database that is watched."""
    server: dict[str, str] = {k: str(v) for k, v in conninfo_to_dict(database_url).items()}
    port = server.get("port", str(_DEFAULT_PORT))
    # A socket's path must be short, which a test's own folder is not.
    with tempfile.TemporaryDirectory(prefix="wire") as folder:
        wire = Wire(make_conninfo(database_url, host=folder, port=port))
        visitors: set[asyncio.Task[None]] = set()

        async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            visitors.add(task)
            await _forward(wire, server.get("host", ""), int(port), reader, writer)

        listener = await asyncio.start_unix_server(visit, Path(folder) / f".s.PGSQL.{port}")
        try:
            yield wire
        finally:
            listener.close()
            await asyncio.gather(*visitors)


async def _forward(
    wire: Wire,
    host: str,
    port: int,
    client_reader: asyncio.StreamReader,
    client_writer: asyncio.StreamWriter,
) -> None:
    if host.startswith("/"):
        server = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
    else:
        server = await asyncio.open_connection(host, port)
    server_reader, server_writer = server
    client_has_spoken = False

    async def ask() -> None:
        nonlocal client_has_spoken
        while spoken := await client_reader.read(_CHUNK_BYTES):
            client_has_spoken = True
            server_writer.write(spoken)
            await server_writer.drain()
        server_writer.close()

    async def answer() -> None:
        nonlocal client_has_spoken
        while spoken := await server_reader.read(_CHUNK_BYTES):
            if client_has_spoken:
                client_has_spoken = False
                wire.round_trips += 1
            client_writer.write(spoken)
            await client_writer.drain()
        client_writer.close()

    await asyncio.gather(ask(), answer(), return_exceptions=True)
