"""A database that is frozen, gone, or loses answers: everything ends in time, nothing leaks."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

import anyio
import pytest
from anyio import to_thread
from anyio.lowlevel import checkpoint

from adapters.postgres.connection_string import DATABASE_TIMEOUT
from adapters.postgres.deadline import shared_deadline
from adapters.postgres.migrations import migrate
from adapters.postgres.pool import Pool, build_pool, opened
from application.errors import UnavailableError
from application.sign_in_errors import SignInFailedError
from domain.sign_in_failure import SignInFailure
from tests.integration.test_faults import CALLS
from tests.integration.test_server_kills import stored
from tests.support.builders import a_user_id
from tests.support.clusters import Server, mortal_server
from tests.support.database_cable import DatabaseCable, database_cable
from tests.support.databases import as_application, end_connections, rows_of
from tests.support.postgres_wire import CommitMoment, tapped
from tests.support.service import a_service
from tests.support.storage import a_stored_user, postgres_storage

pytestmark = pytest.mark.postgres

#: Well above what any answer may take, so that only a hang misses it.
_PATIENCE_SECONDS: Final = 60
_SHORT: Final = timedelta(seconds=0.5)
_TRIES: Final = 10_000


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with mortal_server() as server:
        migrate(server.url)
        yield server


@asynccontextmanager
async def frozen(server: Server) -> AsyncIterator[None]:
    await to_thread.run_sync(server.freeze)
    try:
        yield
    finally:
        await to_thread.run_sync(server.thaw)


async def until_none_is_in_use(pool: Pool) -> None:
    with anyio.fail_after(_PATIENCE_SECONDS):
        while pool.get_stats()["in_use"]:
            await checkpoint()


@pytest.mark.parametrize("name", CALLS)
async def test_on_a_frozen_server_every_call_ends_at_our_deadline(
    server: Server, name: str
) -> None:
    async with opened(build_pool(server.url, max_size=1)) as pool:
        storage = postgres_storage(pool)
        await CALLS[name](storage)
        async with frozen(server):
            # Not before: a server that answers has more time, however busy the machine is.
            pool._timeout = _SHORT
            with anyio.fail_after(_PATIENCE_SECONDS), pytest.raises(UnavailableError):
                await CALLS[name](storage)
            await until_none_is_in_use(pool)
        pool._timeout = DATABASE_TIMEOUT
        with anyio.fail_after(_PATIENCE_SECONDS):
            await CALLS[name](storage)
        await until_none_is_in_use(pool)


async def test_on_a_lossy_network_every_call_ends_and_no_connection_is_lost(
    own_database: str,
) -> None:
    with database_cable(as_application(own_database)) as cable:
        async with opened(build_pool(cable.url, max_size=4, timeout=2 * _SHORT)) as pool:
            storage = postgres_storage(pool)
            await pool.wait()
            cable.loss = 0.3
            calls = [CALLS[name](storage) for name in CALLS for _ in range(2)]
            with anyio.fail_after(_PATIENCE_SECONDS):
                outcomes = await asyncio.gather(*calls, return_exceptions=True)
            failures = {type(each) for each in outcomes if isinstance(each, BaseException)}
            assert failures <= {UnavailableError}
            cable.loss = 0.0
            with anyio.fail_after(_PATIENCE_SECONDS):
                for name in CALLS:
                    await CALLS[name](storage)
            await until_none_is_in_use(pool)


async def test_the_pieces_of_one_request_share_one_deadline(server: Server) -> None:
    async with opened(build_pool(server.url, max_size=2)) as pool:
        storage = postgres_storage(pool)
        await pool.wait()
        async with frozen(server):
            with anyio.fail_after(_PATIENCE_SECONDS), shared_deadline(_SHORT):
                with pytest.raises(UnavailableError):
                    await a_stored_user(storage.unit_of_work)
                # Nothing is left for this one: it doesn't even wait for a connection.
                requests = pool.get_stats()["requests_num"]
                for _ in range(100):
                    with pytest.raises(UnavailableError):
                        await storage.user_directory.find(a_user_id())
                assert pool.get_stats()["requests_num"] - requests <= 100


async def test_however_callers_are_cancelled_no_connection_is_lost(server: Server) -> None:
    async with opened(build_pool(server.url, max_size=2)) as pool:
        storage = postgres_storage(pool)
        await pool.wait()
        for turns in range(60):
            calls = [asyncio.ensure_future(CALLS[name](storage)) for name in CALLS]
            for _ in range(turns):
                await checkpoint()
            # Again and again, as a server does that ends and a deadline that passes meanwhile.
            while not all(call.done() for call in calls):
                for call in calls:
                    call.cancel()
                await checkpoint()
        with anyio.fail_after(_PATIENCE_SECONDS):
            for name in CALLS:
                await CALLS[name](storage)
        await until_none_is_in_use(pool)


@pytest.mark.parametrize("name", CALLS)
async def test_a_connection_that_the_server_closed_costs_nobody_anything(
    own_database: str, name: str
) -> None:
    async with opened(build_pool(as_application(own_database), max_size=4, min_size=4)) as pool:
        storage = postgres_storage(pool)
        for _ in range(5):
            await pool.wait()
            assert end_connections(own_database)
            await CALLS[name](storage)


@asynccontextmanager
async def cut_at_commit(
    database_url: str, moment: CommitMoment
) -> AsyncIterator[tuple[str, list[CommitMoment]]]:
    """A way to the database that breaks once, at the first COMMIT that is armed for.

    Gives its URL and a list; a moment that is put into the list arms it.
    """
    armed: list[CommitMoment] = []
    async with tapped(database_url) as wire:
        with database_cable(wire.database_url) as cable:

            def observe(reached: CommitMoment, process: int) -> None:
                if reached is moment and armed:
                    armed.clear()
                    _cut(cable, database_url, process, reached)

            wire.on_commit = observe
            yield cable.url, armed


def _cut(cable: DatabaseCable, database_url: str, process: int, reached: CommitMoment) -> None:
    """Break every connection, after the server has done what it was sent."""
    if reached is CommitMoment.RECEIVED:
        _until_idle(database_url, process)
    cable.cut()
    cable.mend()
    if reached is CommitMoment.SENT:
        # Nor is it passed on.
        raise ConnectionResetError


def _until_idle(database_url: str, process: int) -> None:
    query = "SELECT FROM pg_stat_activity WHERE pid = %s AND state = 'idle'"
    for _ in range(_TRIES):
        if rows_of(database_url, query, process):
            return
    raise AssertionError("it should be committed by now")


@pytest.mark.case(86)
async def test_a_sign_in_whose_answer_to_commit_is_lost_is_looked_up_and_succeeds(
    own_database: str,
) -> None:
    moment = CommitMoment.RECEIVED
    async with (
        cut_at_commit(as_application(own_database), moment) as (url, armed),
        opened(build_pool(url, max_size=2)) as pool,
    ):
        service = a_service(postgres_storage(pool))
        begun = await service.begin()
        armed.append(moment)
        completed = await service.complete(begun.callback())
        assert not armed, "the connection was never cut"
        valid = await service.validate(completed.grant.token)
        assert valid.session.session_id == completed.grant.session.id
    assert stored(own_database) == {completed.grant.session.id: True}


@pytest.mark.case(86)
async def test_a_commit_that_never_arrived_is_not_sent_again(own_database: str) -> None:
    moment = CommitMoment.SENT
    async with (
        cut_at_commit(as_application(own_database), moment) as (url, armed),
        opened(build_pool(url, max_size=2)) as pool,
    ):
        service = a_service(postgres_storage(pool))
        begun = await service.begin()
        armed.append(moment)
        with pytest.raises(SignInFailedError) as failed:
            await service.complete(begun.callback())
        assert not armed, "the connection was never cut"
        assert failed.value.failure is SignInFailure.SERVICE_UNAVAILABLE
    assert stored(own_database) == {}


async def test_a_locked_row_of_one_user_leaves_room_for_the_others(own_database: str) -> None:
    async with opened(build_pool(as_application(own_database), max_size=4)) as pool:
        storage = postgres_storage(pool)
        user = await a_stored_user(storage.unit_of_work)

        async def lock() -> None:
            async with storage.unit_of_work() as work:
                await work.users.lock(user.id)

        async with pool.connection() as holder, holder.transaction():
            await holder.execute("SELECT FROM vetassist_users WHERE id = %s FOR UPDATE", (user.id,))
            with anyio.fail_after(_PATIENCE_SECONDS):
                waiting = [asyncio.create_task(lock()) for _ in range(3)]
                outcomes = await asyncio.gather(*waiting, return_exceptions=True)
                assert [type(each) for each in outcomes] == [UnavailableError] * 3
                await a_stored_user(storage.unit_of_work)

                # From now on one of many waits, so the others' connections stay free.
                many = [asyncio.create_task(lock()) for _ in range(40)]
                outcomes = await asyncio.gather(*many, return_exceptions=True)
                assert [type(each) for each in outcomes] == [UnavailableError] * 40
                waited = [each for each in outcomes if isinstance(each, Exception)]
                assert sum(each.__cause__ is not None for each in waited) == 1
                await a_stored_user(storage.unit_of_work)
        await lock()
        await asyncio.gather(*(lock() for _ in range(8)))
        await until_none_is_in_use(pool)


async def test_a_caller_that_is_cancelled_while_it_gives_back_loses_no_connection(
    server: Server,
) -> None:
    async with opened(build_pool(server.url, max_size=1)) as pool:
        for turns in range(5):
            has_begun = asyncio.Event()

            async def hold(has_begun: asyncio.Event = has_begun) -> None:
                async with pool.connection() as connection:
                    await connection.execute("BEGIN")
                    has_begun.set()
                    await asyncio.Event().wait()

            holder = asyncio.create_task(hold())
            await has_begun.wait()
            holder.cancel()
            for _ in range(turns):
                await checkpoint()
            holder.cancel()
            await asyncio.wait([holder])
            with anyio.fail_after(_PATIENCE_SECONDS):
                await pool.rows("SELECT 1")
            await until_none_is_in_use(pool)
