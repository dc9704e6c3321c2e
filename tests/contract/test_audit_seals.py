"""What every AuditSeals promises, run against each adapter."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from application.errors import ConflictError
from application.ports.unit_of_work import UnitOfWorkFactory
from domain.audit_event import AuditEvent, AuditEventType
from domain.audit_seal import BatchHeader, SealedBatch, SealedLeaf
from domain.merkle_tree import leaf_hash
from domain.trail_row import UnsealedRows
from tests.support.builders import NOW, a_visitor
from tests.support.storage import Storage


@pytest.fixture
def unit_of_work(own_storage: Storage) -> UnitOfWorkFactory:
    """Of a store in which nothing is sealed."""
    return own_storage.unit_of_work


async def append(unit_of_work: UnitOfWorkFactory, *times: datetime) -> None:
    async with unit_of_work() as work:
        for time in times:
            event = AuditEvent.of_service(AuditEventType.PURGED, visitor=a_visitor(), now=time)
            await work.audit.append(event)
        await work.commit()


async def next_rows(unit_of_work: UnitOfWorkFactory, limit: int = 100) -> UnsealedRows | None:
    async with unit_of_work() as work:
        return await work.audit_seals.unsealed(after=await work.audit_seals.newest(), limit=limit)


def sealed(
    rows: UnsealedRows, previous: SealedBatch | None = None, *, now: datetime = NOW
) -> tuple[SealedBatch, list[SealedLeaf]]:
    hashes = [leaf_hash(row.content) for row in rows.rows]
    header = BatchHeader.over(rows, hashes, previous=previous, now=now, key_id="key")
    leaves = [
        SealedLeaf(place=row.place, hash=leaf, tag=bytes(16))
        for row, leaf in zip(rows.rows, hashes, strict=True)
    ]
    return SealedBatch(header=header, mac=bytes(32)), leaves


async def seal(unit_of_work: UnitOfWorkFactory, limit: int = 100) -> SealedBatch:
    async with unit_of_work() as work:
        previous = await work.audit_seals.newest()
        rows = await work.audit_seals.unsealed(after=previous, limit=limit)
        assert rows is not None
        batch, leaves = sealed(rows, previous)
        await work.audit_seals.add(batch, leaves)
        await work.commit()
    return batch


async def add(
    unit_of_work: UnitOfWorkFactory, batch: SealedBatch, leaves: list[SealedLeaf]
) -> None:
    async with unit_of_work() as work:
        await work.audit_seals.add(batch, leaves)
        await work.commit()


async def newest(unit_of_work: UnitOfWorkFactory) -> SealedBatch | None:
    async with unit_of_work() as work:
        return await work.audit_seals.newest()


def numbers(rows: UnsealedRows | None) -> Sequence[int]:
    return [] if rows is None else [row.place.row for row in rows.rows]


async def test_nothing_is_sealed_at_first_and_nothing_is_there_to_seal(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    assert await newest(unit_of_work) is None
    assert await next_rows(unit_of_work) is None


async def test_rows_come_in_the_order_in_which_they_were_written(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    for minute in range(3):
        await append(unit_of_work, *[NOW + timedelta(minutes=minute)] * 2)
    rows = await next_rows(unit_of_work)

    assert rows is not None
    assert len(numbers(rows)) == len(set(numbers(rows))) == 6
    assert numbers(rows) == sorted(numbers(rows))
    assert rows.month == "2026-01"
    assert len({row.content for row in rows.rows}) == 6
    assert rows.horizon == rows.rows[-1].place


async def test_rows_come_in_bits_where_there_are_many_and_each_once(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    await append(unit_of_work, *[NOW] * 7)
    everything = numbers(await next_rows(unit_of_work))
    seen: list[int] = []
    while rows := await next_rows(unit_of_work, limit=3):
        seen += numbers(rows)
        await seal(unit_of_work, limit=3)

    assert seen == everything


async def test_the_rows_of_one_batch_are_of_one_month(unit_of_work: UnitOfWorkFactory) -> None:
    february = datetime(2026, 2, 1, tzinfo=NOW.tzinfo)
    await append(unit_of_work, NOW, february - timedelta(microseconds=1), february, NOW)
    months = []
    while rows := await next_rows(unit_of_work):
        months.append((rows.month, len(rows.rows)))
        await seal(unit_of_work)

    assert months == [("2026-01", 2), ("2026-02", 1), ("2026-01", 1)]


async def test_a_batch_is_the_newest_once_it_is_committed_with_all_that_its_header_says(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    await append(unit_of_work, NOW)
    first = await seal(unit_of_work)
    await append(unit_of_work, NOW, NOW)
    second = await seal(unit_of_work)

    assert await newest(unit_of_work) == second
    assert second.header.number == 2
    assert second.header.previous == first.hash
    assert (second.header.count, second.header.total) == (2, 3)


async def test_a_batch_that_is_not_committed_never_was(unit_of_work: UnitOfWorkFactory) -> None:
    await append(unit_of_work, NOW)
    async with unit_of_work() as work:
        rows = await work.audit_seals.unsealed(after=None, limit=100)
        assert rows is not None
        await work.audit_seals.add(*sealed(rows))

    assert await newest(unit_of_work) is None
    assert numbers(await next_rows(unit_of_work)) == numbers(rows)


async def test_a_number_is_given_once_and_a_row_is_sealed_once(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    await append(unit_of_work, NOW)
    rows = await next_rows(unit_of_work)
    assert rows is not None
    first = await seal(unit_of_work)
    for previous in (None, first):
        with pytest.raises(ConflictError):
            await add(unit_of_work, *sealed(rows, previous))

    assert await newest(unit_of_work) == first


async def test_a_turn_that_is_free_is_given(unit_of_work: UnitOfWorkFactory) -> None:
    for _ in range(2):
        async with unit_of_work() as work:
            assert await work.audit_seals.take_turn()
