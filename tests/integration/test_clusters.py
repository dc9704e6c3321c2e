"""The servers of tests/support/clusters.py stop, freeze, replicate and fail over as they should."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any

import anyio
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests.support.clusters import (
    Pair,
    Server,
    Shutdown,
    are_gone,
    mortal_server,
    primary_and_standby,
)
from tests.support.waiting import onlookers

pytestmark = pytest.mark.postgres

NOTED = "SELECT count(*) FROM notes"


@pytest.fixture
def server() -> Iterator[Server]:
    with mortal_server() as server:
        note(server)
        yield server


@pytest.fixture
def pair() -> Iterator[Pair]:
    with primary_and_standby(synchronous=True) as pair:
        note(pair.primary)
        pair.wait_until_caught_up()
        yield pair


def note(server: Server) -> None:
    """Commit one more row."""
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS notes ()")
        connection.execute("INSERT INTO notes DEFAULT VALUES")


def value_of(server: Server, query: str) -> Any:
    with psycopg.connect(server.url) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def timeline(server: Server) -> int:
    return int(value_of(server, "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)"), 16)


def port_behind(url: str) -> int:
    with psycopg.connect(url) as connection:
        return connection.info.port


async def connect(server: Server) -> None:
    async with await psycopg.AsyncConnection.connect(server.url) as connection:
        await connection.execute("SELECT")


async def add_note(server: Server) -> None:
    async with await psycopg.AsyncConnection.connect(server.url) as connection:
        await connection.execute("INSERT INTO notes DEFAULT VALUES")


@pytest.mark.parametrize("how", Shutdown)
def test_a_server_that_is_restarted_has_every_row(server: Server, how: Shutdown) -> None:
    server.restart(how)
    server.wait_until_up()

    assert value_of(server, NOTED) == 1
    recovered = "database system was not properly shut down" in server.logged()
    assert recovered is (how is Shutdown.IMMEDIATE)


def test_a_server_that_is_killed_comes_back_with_every_row(server: Server) -> None:
    for _ in range(3):
        server.kill()
        assert not server.is_running
        with pytest.raises(psycopg.OperationalError):
            note(server)
        server.start()
        server.wait_until_up()

    assert value_of(server, NOTED) == 1


async def test_a_frozen_server_does_not_answer_until_it_is_thawed(server: Server) -> None:
    async with await psycopg.AsyncConnection.connect(server.url) as connection:
        server.freeze()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await connect(server)
        async with onlookers() as others:
            await others.must_wait(partial(connect, server))
            await others.must_wait(partial(connection.execute, "SELECT"))
            server.thaw()
        # Both have their answers by now, and the old connection still works.
        await connection.execute("SELECT")


def test_a_row_on_the_primary_is_on_the_standby(pair: Pair) -> None:
    assert value_of(pair.standby, NOTED) == 1
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        note(pair.standby)


def test_a_standby_that_is_promoted_is_a_primary_on_a_timeline_of_its_own(pair: Pair) -> None:
    before = timeline(pair.primary)
    pair.promote()
    note(pair.standby)

    assert timeline(pair.standby) == before + 1
    assert value_of(pair.standby, NOTED) == 2
    # The old primary does not know.
    assert timeline(pair.primary) == before
    assert value_of(pair.primary, "SELECT pg_is_in_recovery()") is False


def test_the_url_of_both_leads_to_whichever_accepts_writes(pair: Pair) -> None:
    url = make_conninfo(pair.url, target_session_attrs="read-write")
    assert port_behind(url) == pair.primary.port
    pair.primary.kill()
    with pytest.raises(psycopg.OperationalError):
        port_behind(url)
    pair.promote()
    assert port_behind(url) == pair.standby.port


async def test_a_commit_waits_for_a_synchronous_standby(pair: Pair) -> None:
    for stall, resume in (
        (pair.standby.freeze, pair.standby.thaw),
        (pair.cut, pair.mend),
        (partial(pair.standby.stop, Shutdown.FAST), pair.standby.start),
    ):
        async with onlookers() as others:
            stall()
            await others.must_wait(partial(add_note, pair.primary))
            # Only a COMMIT waits.
            await connect(pair.primary)
            resume()
        pair.wait_until_caught_up()


async def test_no_commit_waits_for_an_asynchronous_standby() -> None:
    with primary_and_standby(synchronous=False) as pair:
        note(pair.primary)
        pair.standby.freeze()
        with anyio.fail_after(20):
            await add_note(pair.primary)
        pair.standby.thaw()
        pair.wait_until_caught_up()
        assert value_of(pair.standby, NOTED) == 2


@pytest.mark.parametrize("do", [Server.freeze, Server.kill, Server.wait_until_up])
def test_nothing_is_left_of_a_server_when_a_test_fails(do: Callable[[Server], None]) -> None:
    with ExitStack() as stack:
        stack.enter_context(suppress(ZeroDivisionError))
        server = stack.enter_context(mortal_server())
        processes = server.processes()
        do(server)
        raise ZeroDivisionError

    assert are_gone(processes)
    assert not server.log.parent.exists()
