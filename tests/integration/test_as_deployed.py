"""The tests run as the service is deployed: on uvloop, and with the database over TCP."""

import asyncio

import pytest
import uvicorn
import uvloop
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict

from adapters.postgres.pool import Pool
from entrypoints.serving.app import create_app

pytestmark = pytest.mark.postgres


async def test_the_event_loop_is_the_one_that_the_service_is_deployed_on() -> None:
    shipped = uvicorn.Config(create_app, factory=True).get_loop_factory()
    assert shipped is not None
    loop = shipped()
    loop.close()

    assert isinstance(asyncio.get_running_loop(), type(loop))
    assert isinstance(loop, uvloop.Loop)


async def test_the_database_is_reached_over_tcp(database_url: str, pool: Pool) -> None:
    host = str(conninfo_to_dict(database_url)["host"])
    assert not host.startswith(("/", "@")), "a Unix socket"
    async with pool.connection() as connection:
        assert await server_port(connection) is not None


async def server_port(connection: AsyncConnection) -> int | None:
    """The port that the server was reached on; None on a Unix socket."""
    cursor = await connection.execute("SELECT inet_server_port()")
    row = await cursor.fetchone()
    return row[0] if row else None
