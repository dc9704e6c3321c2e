"""Connections that go on listening between statements: the same as psycopg's, seen from outside."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from anyio.lowlevel import checkpoint

from adapters.postgres.attentive_connection import AttentiveConnection
from tests.support.databases import change, rows_of

pytestmark = pytest.mark.postgres

SLOW = "SELECT pg_sleep(60)"


@pytest.fixture
async def connection(own_database: str) -> AsyncIterator[AttentiveConnection]:
    connection = await AttentiveConnection.connect(own_database, autocommit=True)
    assert isinstance(connection, AttentiveConnection)
    yield connection
    await connection.close()


async def value_of(connection: AttentiveConnection, query: str, *parameters: Any) -> Any:
    cursor = await connection.execute(query.encode(), parameters)
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


def watches(connection: AttentiveConnection) -> bool:
    """Whether the event loop still looks at the connection's socket; it looks away now."""
    return asyncio.get_running_loop().remove_reader(connection.pgconn.socket)


async def begun(own_database: str) -> None:
    """Return once a slow statement is under way."""
    query = "SELECT FROM pg_stat_activity WHERE query = %s AND state = 'active'"
    while not rows_of(own_database, query, SLOW):
        await checkpoint()


async def test_statement_after_statement_is_answered(connection: AttentiveConnection) -> None:
    for number in range(50):
        assert await value_of(connection, "SELECT %s::int + 1", number) == number + 1
    assert watches(connection)


async def test_an_answer_of_many_packets_arrives_whole(connection: AttentiveConnection) -> None:
    text = await value_of(connection, "SELECT repeat('x', 5000000)")

    assert len(text) == 5_000_000


async def test_a_question_that_fills_the_socket_is_sent_whole(
    connection: AttentiveConnection,
) -> None:
    assert await value_of(connection, "SELECT length(%s::text)", "x" * 5_000_000) == 5_000_000
    assert await value_of(connection, "SELECT 1") == 1


async def test_pipelines_and_single_statements_take_turns(connection: AttentiveConnection) -> None:
    for _ in range(3):
        async with connection.pipeline():
            cursors = [await connection.execute("SELECT %s::int", (n,)) for n in range(20)]
            assert [await cursor.fetchone() for cursor in cursors] == [(n,) for n in range(20)]
        assert await value_of(connection, "SELECT 1") == 1


async def test_an_error_leaves_the_connection_in_good_order(
    connection: AttentiveConnection,
) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero):
        await value_of(connection, "SELECT 1 / 0")
    assert await value_of(connection, "SELECT 1") == 1


async def test_a_statement_that_is_given_up_is_cancelled_and_the_connection_goes_on(
    own_database: str, connection: AttentiveConnection
) -> None:
    for _ in range(3):
        waiting = asyncio.create_task(value_of(connection, SLOW))
        await begun(own_database)
        waiting.cancel()
        await asyncio.wait([waiting])

        assert waiting.cancelled()
        assert not rows_of(
            own_database, "SELECT FROM pg_stat_activity WHERE query = %s AND state = 'active'", SLOW
        )
        assert await value_of(connection, "SELECT 1") == 1


async def test_nobody_goes_on_looking_at_an_idle_connection_that_was_ended(
    own_database: str, connection: AttentiveConnection
) -> None:
    process = await value_of(connection, "SELECT pg_backend_pid()")
    change(own_database, f"SELECT pg_terminate_backend({process}, 5000)")
    for _ in range(5):
        await checkpoint()

    assert not watches(connection)
    with pytest.raises(psycopg.OperationalError):
        await value_of(connection, "SELECT 1")
    assert connection.closed


async def test_a_connection_that_is_ended_in_the_middle_of_a_statement_says_so(
    own_database: str, connection: AttentiveConnection
) -> None:
    process = await value_of(connection, "SELECT pg_backend_pid()")
    waiting = asyncio.create_task(value_of(connection, SLOW))
    await begun(own_database)
    change(own_database, f"SELECT pg_terminate_backend({process}, 5000)")

    with pytest.raises(psycopg.OperationalError):
        await waiting


async def test_a_new_connection_under_an_old_ones_number_is_heard(own_database: str) -> None:
    numbers = set()
    for _ in range(10):
        connection = await AttentiveConnection.connect(own_database, autocommit=True)
        assert isinstance(connection, AttentiveConnection)
        numbers.add(connection.pgconn.socket)
        assert await value_of(connection, "SELECT 1") == 1
        await connection.close()

    # The operating system gives a number out again as soon as it is free.
    assert len(numbers) < 10


async def test_a_closed_connection_is_not_looked_at(own_database: str) -> None:
    connection = await AttentiveConnection.connect(own_database, autocommit=True)
    assert isinstance(connection, AttentiveConnection)
    await value_of(connection, "SELECT 1")
    socket = connection.pgconn.socket
    await connection.close()

    assert not asyncio.get_running_loop().remove_reader(socket)
