"""Pooled connections that the server ends, and statements that are cancelled: nothing hangs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Final

import anyio
import psycopg
import pytest
from anyio.lowlevel import checkpoint
from psycopg.conninfo import make_conninfo

from adapters.postgres.pool import Pool, build_pool, opened
from application.errors import UnavailableError
from tests.support.builders import a_session_id, a_user_id
from tests.support.databases import as_application, end_connections, rows_of
from tests.support.storage import Storage, postgres_storage

pytestmark = pytest.mark.postgres

ROUNDS: Final = 20
FEW_ROUNDS: Final = 5
#: Longer than any wait of the pool. What hangs never returns.
PATIENCE_SECONDS: Final = 60
#: No timeout ends it.
SLOW: Final = "SELECT pg_sleep(600)"
NO_TIMEOUT: Final = "-c statement_timeout=0"
ACTIVE: Final = "SELECT FROM pg_stat_activity WHERE query = %s AND state = 'active'"

Statement = Callable[[Storage], Awaitable[None]]


@pytest.fixture
async def only_one(own_database: str) -> AsyncIterator[Pool]:
    """A pool of one connection."""
    url = make_conninfo(as_application(own_database), options=NO_TIMEOUT)
    async with opened(build_pool(url, min_size=1, max_size=1)) as pool:
        await pool.wait()
        yield pool


async def execute(pool: Pool, query: str) -> None:
    async with pool.connection() as connection:
        await connection.execute(query.encode())


async def until_slow(database_url: str, *, is_slow: bool) -> None:
    """Return once the server runs the slow statement, or has stopped running it."""
    with anyio.fail_after(PATIENCE_SECONDS):
        while bool(rows_of(database_url, ACTIVE, SLOW)) is not is_slow:
            await checkpoint()


async def look_up(storage: Storage) -> None:
    await storage.session_lookup.find(a_user_id(), a_session_id())


async def begin_a_unit(storage: Storage) -> None:
    async with storage.unit_of_work() as work:
        await work.users.find(a_user_id())


# With 0 turns the event loop learns of the end during the next statement, and with 10 before it.
@pytest.mark.parametrize("turns", [0, 10])
@pytest.mark.parametrize("statement", [look_up, begin_a_unit])
async def test_a_statement_on_an_idle_connection_that_was_terminated_comes_back(
    own_database: str, only_one: Pool, statement: Statement, turns: int
) -> None:
    storage = postgres_storage(only_one)
    for _ in range(ROUNDS):
        with anyio.fail_after(PATIENCE_SECONDS):
            await statement(storage)
            assert end_connections(own_database)
            for _ in range(turns):
                await checkpoint()
            with suppress(UnavailableError):
                await statement(storage)
            # The pool has replaced the connection.
            await statement(storage)


async def test_a_statement_whose_connection_is_terminated_while_it_waits_comes_back(
    own_database: str, only_one: Pool
) -> None:
    for _ in range(FEW_ROUNDS):
        with anyio.fail_after(PATIENCE_SECONDS):
            under_way = asyncio.create_task(execute(only_one, SLOW))
            await until_slow(own_database, is_slow=True)
            assert end_connections(own_database)
            with pytest.raises(psycopg.OperationalError):
                await under_way
            await execute(only_one, "SELECT")


async def test_a_statement_that_is_cancelled_ends_on_the_server_and_the_next_one_works(
    own_database: str, only_one: Pool
) -> None:
    for _ in range(FEW_ROUNDS):
        with anyio.fail_after(PATIENCE_SECONDS):
            under_way = asyncio.create_task(execute(only_one, SLOW))
            await until_slow(own_database, is_slow=True)
            under_way.cancel()
            await asyncio.wait([under_way])
            assert under_way.cancelled()
            await until_slow(own_database, is_slow=False)
            await execute(only_one, "SELECT")
