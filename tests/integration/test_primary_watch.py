"""Which server is believed: only one that is certain to be the primary."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg
import pytest
from anyio import to_thread
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import PoolTimeout
from pytest_mock import MockerFixture

from adapters.postgres import clock as postgres_clock
from adapters.postgres import primary_watch
from adapters.postgres.clock import PostgresClock
from adapters.postgres.command_connection import command_connection
from adapters.postgres.connection_string import connection_string
from adapters.postgres.migrations import migrate
from adapters.postgres.pool import Pool, build_pool, opened
from adapters.postgres.primary_watch import LEASE, PrimaryWatch
from application.errors import UnavailableError
from domain.session import Session
from tests.support.clusters import Pair, primary_and_standby
from tests.support.pgbouncer import needs_pgbouncer, pgbouncer
from tests.support.storage import Storage, a_stored_session, postgres_storage, revoke

pytestmark = pytest.mark.postgres

#: Well above what any answer may take, so that only a hang misses it.
_PATIENCE_SECONDS: Final = 60
_AGAIN_SECONDS: Final = 0.05
_SESSIONS: Final = "SELECT count(*) FROM vetassist_sessions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """One process of the service, as far as storage goes."""

    watch: PrimaryWatch
    pool: Pool
    storage: Storage

    async def stands(self, session: Session) -> bool | None:
        """What a validation finds; None when it is told to try again."""
        try:
            found = await self.storage.session_lookup.find(session.user_id, session.id)
        except UnavailableError:
            return None
        return found is not None and not found.is_revoked

    async def until_certain(self) -> None:
        await self.watch.certain(timedelta(seconds=_PATIENCE_SECONDS))


@asynccontextmanager
async def a_replica(url: str, *, prepared_statements: bool = True) -> AsyncIterator[Replica]:
    conninfo = connection_string(url, prepared_statements=prepared_statements)
    watch = PrimaryWatch(conninfo, prepared_statements=prepared_statements)
    pool = build_pool(url, max_size=4, primary=watch, prepared_statements=prepared_statements)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(watch)
        await stack.enter_async_context(opened(pool))
        replica = Replica(watch=watch, pool=pool, storage=postgres_storage(pool))
        await replica.until_certain()
        yield replica


async def until_lost(replica: Replica) -> None:
    """Return once it is no longer certain which server is the primary."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while replica.watch.timeline is not None:  # noqa: ASYNC110 - the lease just runs out
            await asyncio.sleep(_AGAIN_SECONDS)


async def log_out(replica: Replica, session: Session) -> None:
    """End the session; tried again until it is acknowledged."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            try:
                async with replica.storage.unit_of_work() as work:
                    await revoke(work, session.user_id, session.id)
                    await work.commit()
            except UnavailableError:
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                return


@pytest.fixture
def pair() -> Iterator[Pair]:
    with primary_and_standby(synchronous=True) as pair:
        migrate(pair.primary.url)
        yield pair


async def assert_the_new_primary_alone_is_believed(
    follower: Replica, leader: Replica, ended: Session, live: Session
) -> None:
    """Ask ``follower`` from the moment at which ``leader`` acknowledges a log-out."""
    await log_out(leader, ended)
    newer = None
    answers = []
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while newer is None or answers[-1] != (False, True, True):
            newer = newer or await a_stored_session(leader.storage.unit_of_work)
            # Each is begun after what it is about was acknowledged.
            answers.append(
                (
                    await follower.stands(ended),
                    await follower.stands(live),
                    await follower.stands(newer),
                )
            )
            await asyncio.sleep(_AGAIN_SECONDS)
    for of_ended, of_live, of_newer in answers:
        assert of_ended is not True
        assert of_live is not False
        assert of_newer is not False


async def test_a_former_primary_that_lives_on_is_not_believed(pair: Pair) -> None:
    async with a_replica(pair.url) as follower:
        ended, live = [await a_stored_session(follower.storage.unit_of_work) for _ in range(2)]
        assert await follower.stands(ended) is True

        await to_thread.run_sync(pair.promote)
        async with a_replica(pair.standby.url) as leader:
            await assert_the_new_primary_alone_is_believed(follower, leader, ended, live)
        assert follower.pool.get_stats()["in_use"] == 0


async def test_a_former_primary_that_wakes_is_not_believed(pair: Pair) -> None:
    async with a_replica(pair.url) as follower:
        ended, live = [await a_stored_session(follower.storage.unit_of_work) for _ in range(2)]

        await to_thread.run_sync(pair.primary.freeze)
        await to_thread.run_sync(pair.promote)
        async with a_replica(pair.standby.url) as leader:
            await log_out(leader, ended)
            await to_thread.run_sync(pair.primary.thaw)
            await assert_the_new_primary_alone_is_believed(follower, leader, ended, live)


@asynccontextmanager
async def one_address(pair: Pair) -> AsyncIterator[tuple[str, Callable[[], None]]]:
    """An address that follows the primary, as a TCP proxy does, and what makes it follow.

    Connections that stand stay where they are.
    """
    target = pair.primary.port
    visits: set[asyncio.Task[None]] = set()

    def follow() -> None:
        nonlocal target
        target = pair.standby.port

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.transport.abort()

    async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        visits.add(task)
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target)
        await asyncio.gather(pass_on(reader, far_writer), pass_on(far_reader, writer))

    listener = await asyncio.start_server(visit, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    try:
        yield make_conninfo(pair.primary.url, host="127.0.0.1", port=port), follow
    finally:
        listener.close()
        await asyncio.gather(*visits)


async def test_behind_one_address_a_former_primary_is_not_believed_either(pair: Pair) -> None:
    async with one_address(pair) as (url, follow), a_replica(url) as follower:
        ended, live = [await a_stored_session(follower.storage.unit_of_work) for _ in range(2)]
        assert await follower.stands(ended) is True

        await to_thread.run_sync(pair.promote)
        follow()
        async with a_replica(pair.standby.url) as leader:
            await assert_the_new_primary_alone_is_believed(follower, leader, ended, live)


@needs_pgbouncer
async def test_a_pooler_beside_each_server_that_remembers_former_roles_hides_nothing(
    pair: Pair,
) -> None:
    with ExitStack() as stack:
        urls = [
            stack.enter_context(pgbouncer(server.url, mode="transaction"))
            for server in (pair.primary, pair.standby)
        ]
        for url in urls:
            # PgBouncer repeats what its first connection was told, `in_hot_standby` included.
            with psycopg.connect(url) as connection:
                connection.execute("SELECT")
        ports = ",".join(str(conninfo_to_dict(url)["port"]) for url in urls)
        both = make_conninfo(urls[0], host="127.0.0.1,127.0.0.1", port=ports)
        await to_thread.run_sync(pair.promote)

        for url in (both, urls[1]):
            async with a_replica(url, prepared_statements=False) as replica:
                live = await a_stored_session(replica.storage.unit_of_work)
                assert await replica.stands(live) is True
        # So do the commands.
        with command_connection(both, prepared_statements=False) as connection:
            assert connection.execute(_SESSIONS).fetchone() == (2,)


async def test_no_connection_to_a_standby_is_lent(pair: Pair) -> None:
    async with opened(build_pool(pair.standby.url, max_size=1)) as pool:
        pool.wait_seconds = 0.5
        with pytest.raises(PoolTimeout):
            await pool.take()
        await to_thread.run_sync(pair.promote)
        pool.wait_seconds = _PATIENCE_SECONDS
        await pool.give_back(await pool.take())


async def test_without_its_synchronous_standby_a_primary_is_believed_for_two_seconds(
    pair: Pair,
) -> None:
    async with a_replica(pair.primary.url) as replica:
        live = await a_stored_session(replica.storage.unit_of_work)
        await to_thread.run_sync(pair.standby.freeze)
        await until_lost(replica)
        assert await replica.stands(live) is None
        # Nothing is written to it either.
        with pytest.raises(UnavailableError):
            await a_stored_session(replica.storage.unit_of_work)

        await to_thread.run_sync(pair.standby.thaw)
        await replica.until_certain()
        assert await replica.stands(live) is True


async def test_nobody_is_answered_by_a_new_primary_before_the_old_leases_have_run_out(
    pair: Pair,
) -> None:
    await to_thread.run_sync(pair.promote)
    watch = PrimaryWatch(connection_string(pair.standby.url))
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with watch:
        await watch.certain(timedelta(seconds=_PATIENCE_SECONDS))
        # The lease of the former primary is two seconds; no upper bound is asserted.
        assert loop.time() - began >= 2
    async with PrimaryWatch(connection_string(pair.standby.url)) as second:
        began = loop.time()
        await second.certain(timedelta(seconds=_PATIENCE_SECONDS))


async def test_the_clock_is_the_primarys_whatever_this_machines_says(
    own_database: str, mocker: MockerFixture
) -> None:
    watch = PrimaryWatch(connection_string(own_database))
    clock = PostgresClock(watch)
    async with watch:
        await watch.certain(timedelta(seconds=_PATIENCE_SECONDS))

        jumped = mocker.Mock(now=lambda _zone: datetime(2040, 1, 1, tzinfo=UTC))
        mocker.patch.object(postgres_clock, "datetime", jumped)
        told = clock.now()
    assert told.tzinfo is UTC
    assert abs(told - datetime.now(UTC)) < timedelta(minutes=5)


async def test_however_long_a_commit_takes_the_clock_is_not_behind_the_primarys(
    own_database: str, mocker: MockerFixture
) -> None:
    # As if a synchronous standby were slow. Two processes would disagree by as much.
    slow = (
        f"WITH told AS MATERIALIZED ({primary_watch._BEAT}) SELECT told.* FROM told, pg_sleep(0.2)"
    )
    mocker.patch.object(primary_watch, "_BEAT", slow)
    watch = PrimaryWatch(connection_string(own_database))
    async with watch:
        await watch.certain(timedelta(seconds=_PATIENCE_SECONDS))
        with psycopg.connect(own_database) as connection:
            row = connection.execute("SELECT clock_timestamp()").fetchone()
        told = PostgresClock(watch).now()
    assert row is not None
    assert told >= row[0]


async def test_an_outage_is_on_record_before_anything_is_answered_again(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.postgres.primary_watch._OUTAGE_SECONDS", 0)
    async with a_replica(pair.primary.url) as replica:
        await to_thread.run_sync(pair.primary.freeze)
        frozen = datetime.now(UTC)
        await until_lost(replica)
        await to_thread.run_sync(pair.primary.thaw)
        await replica.until_certain()
        async with replica.storage.unit_of_work() as work:
            outage = await work.outages.newest()
    assert outage is not None
    # It counts from the end of the last lease, which began before.
    assert outage.began_at < frozen + LEASE
    assert outage.ended_at - outage.began_at >= timedelta(seconds=2)
