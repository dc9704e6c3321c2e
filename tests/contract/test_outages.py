"""What every Outages promises, run against each adapter."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest

from adapters.memory.store import MemoryStore
from adapters.postgres.pool import build_pool, opened
from application.ports.unit_of_work import UnitOfWorkFactory
from domain.outage import Outage
from tests.support.builders import NOW
from tests.support.databases import as_application
from tests.support.storage import memory_storage, postgres_storage

#: A store, and what notes an outage there.
World = tuple[UnitOfWorkFactory, Callable[[Outage], Awaitable[None]]]

_NOTE = "INSERT INTO vetassist_outages (began_at, ended_at) VALUES (%s, %s)"


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.postgres)])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    if request.param == "memory":
        store = MemoryStore()

        async def append(outage: Outage) -> None:
            store.committed.outages.append(outage)

        yield memory_storage(store).unit_of_work, append
        return
    url = request.getfixturevalue("own_database")
    async with opened(build_pool(as_application(url), max_size=2)) as pool:

        async def insert(outage: Outage) -> None:
            async with pool.connection() as connection:
                await connection.execute(_NOTE, (outage.began_at, outage.ended_at))

        yield postgres_storage(pool).unit_of_work, insert


async def newest(unit_of_work: UnitOfWorkFactory) -> Outage | None:
    async with unit_of_work() as work:
        return await work.outages.newest()


async def test_the_outage_that_ended_last_is_found(world: World) -> None:
    unit_of_work, note = world
    assert await newest(unit_of_work) is None

    older, newer = (
        Outage(began_at=NOW + timedelta(minutes=n), ended_at=NOW + timedelta(minutes=n + 1))
        for n in (0, 5)
    )
    for outage in (newer, older):
        await note(outage)
    assert await newest(unit_of_work) == newer
