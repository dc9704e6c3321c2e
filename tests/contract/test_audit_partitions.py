"""What every AuditPartitions promises, run against each adapter, as the store's owner."""

from collections.abc import AsyncIterator
from datetime import datetime
from uuid import uuid4

import pytest

from adapters.postgres.pool import build_pool, opened
from application.ports.audit_partitions import MonthStanding
from domain.audit_retention import BatchesExported, DroppedMonth
from tests.support.audit_desk import AuditDesk
from tests.support.builders import NOW, a_user_id
from tests.support.storage import Storage, memory_storage, postgres_storage

MONTH = f"{NOW:%Y-%m}"


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.postgres)])
async def owned(request: pytest.FixtureRequest) -> AsyncIterator[Storage]:
    """A store of which the test is the owner, with room for the month in which it takes place."""
    if request.param == "memory":
        yield memory_storage()
        return
    async with opened(build_pool(request.getfixturevalue("own_database"), max_size=2)) as pool:
        async with pool.connection() as connection:
            await connection.execute("SELECT vetassist_make_audit_partition(%s)", (NOW,))
        yield postgres_storage(pool)


async def standing(storage: Storage, *exports: BatchesExported) -> MonthStanding:
    async with storage.unit_of_work() as work:
        return await work.audit_partitions.standing(MONTH, exports)


def an_export(first: int, last: int) -> BatchesExported:
    return BatchesExported(
        id=uuid4(),
        first_batch=first,
        last_batch=last,
        sha256=bytes(32),
        at=NOW,
        key_id="key",
        mac=bytes(32),
    )


def a_drop(last_batch: int, rows: int) -> DroppedMonth:
    return DroppedMonth(
        month=MONTH, last_batch=last_batch, rows=rows, dropped_at=NOW, key_id="key", mac=bytes(32)
    )


async def test_there_is_room_once_it_was_made(owned: Storage) -> None:
    for _ in range(2):
        async with owned.unit_of_work() as work:
            # Migrating has made it already.
            assert await work.audit_partitions.make_ahead() == 0
            await work.commit()


async def test_a_month_with_rows_is_among_the_months(owned: Storage) -> None:
    await AuditDesk(storage=owned).append(1)
    async with owned.unit_of_work() as work:
        months = await work.audit_partitions.months()
    assert MONTH in months
    assert list(months) == sorted(months)


async def test_a_month_says_how_far_it_has_come(owned: Storage) -> None:
    desk = AuditDesk(storage=owned)
    await desk.append(5)
    assert await standing(owned) == MonthStanding(rows=5, unsealed=5, unexported=0, last_batch=0)
    await desk.seal()
    await desk.append(1)
    assert await standing(owned) == MonthStanding(rows=6, unsealed=1, unexported=2, last_batch=2)
    newest = an_export(2, 2)
    assert await standing(owned, newest) == MonthStanding(
        rows=6, unsealed=1, unexported=1, last_batch=2
    )
    every = an_export(1, 7)
    assert await standing(owned, newest, every) == MonthStanding(
        rows=6, unsealed=1, unexported=0, last_batch=2
    )


async def test_exports_are_told_as_they_were_noted(owned: Storage) -> None:
    noted = [an_export(2, 2), an_export(1, 7)]
    async with owned.unit_of_work() as work:
        for each in noted:
            await work.audit_partitions.note_export(each)
        await work.commit()
    async with owned.unit_of_work() as work:
        told = await work.audit_partitions.exports()
    assert sorted(told, key=lambda each: each.last_batch) == noted


async def test_a_month_that_was_dropped_is_gone_with_its_leaves_and_its_headers_stay(
    owned: Storage,
) -> None:
    user_id = a_user_id()
    desk = AuditDesk(storage=owned)
    await desk.append(5, user_id=user_id)
    await desk.seal()
    async with owned.unit_of_work() as work:
        await work.audit_partitions.hold(MONTH)
        await work.audit_partitions.drop(a_drop(2, 5))
        await work.commit()

    async with owned.unit_of_work() as work:
        assert MONTH not in await work.audit_partitions.months()
        assert await work.audit.list_for(user_id) == []
    batches = await owned.sealed_trail.batches(after=0, limit=10)
    assert [batch.sealed for batch in batches] == desk.checkpoints
    for batch in batches:
        assert await owned.sealed_trail.leaves(batch, limit=10) == []
    page = await owned.sealed_trail.loose(after=None, horizon=None, limit=10)
    assert list(page.loose) == []
    assert await owned.sealed_trail.drops() == [a_drop(2, 5)]


async def test_a_drop_that_is_not_committed_never_was(owned: Storage) -> None:
    user_id = a_user_id()
    await AuditDesk(storage=owned).append(3, user_id=user_id)
    async with owned.unit_of_work() as work:
        await work.audit_partitions.drop(a_drop(0, 3))

    async with owned.unit_of_work() as work:
        assert len(await work.audit.list_for(user_id)) == 3
        assert MONTH in await work.audit_partitions.months()
    assert await owned.sealed_trail.drops() == []


async def test_the_other_months_stay(owned: Storage) -> None:
    user_id = a_user_id()
    desk = AuditDesk(storage=owned)
    await desk.append(2)
    await desk.append(3, user_id=user_id, now=datetime(2026, 2, 1, tzinfo=NOW.tzinfo))
    await desk.seal()
    async with owned.unit_of_work() as work:
        await work.audit_partitions.drop(a_drop(1, 2))
        await work.commit()

    async with owned.unit_of_work() as work:
        assert len(await work.audit.list_for(user_id)) == 3
    assert [
        len(await owned.sealed_trail.leaves(batch, limit=10))
        for batch in await owned.sealed_trail.batches(after=0, limit=10)
    ] == [0, 3]
