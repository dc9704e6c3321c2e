"""What every VARevocations promises, run against each adapter."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import anyio
import pytest

from adapters.postgres.pool import Pool
from adapters.postgres.unit_of_work import PostgresUnitOfWork
from application.ports.unit_of_work import UnitOfWorkFactory
from domain.va_revocation import VARevocation
from tests.support.builders import NOW, a_va_revocation, a_wrapped_key

SOON = NOW + timedelta(minutes=2)
LATER = NOW + timedelta(hours=1)
MOMENT = timedelta(microseconds=1)


@pytest.fixture(autouse=True)
async def _nothing_left_over(unit_of_work: UnitOfWorkFactory) -> AsyncIterator[None]:
    """The outbox is one for all, so each test leaves it empty."""
    yield
    async with unit_of_work() as work:
        for entry in await work.va_revocations.list_not_under("", after=None, limit=1000):
            await work.va_revocations.remove(entry.id)
        await work.commit()


async def add(unit_of_work: UnitOfWorkFactory, *entries: VARevocation) -> None:
    async with unit_of_work() as work:
        for entry in entries:
            await work.va_revocations.add(entry)
        await work.commit()


async def claim(
    unit_of_work: UnitOfWorkFactory,
    *,
    now: datetime = NOW,
    busy_until: datetime = SOON,
    limit: int = 100,
) -> list[VARevocation]:
    async with unit_of_work() as work:
        claimed = await work.va_revocations.claim(now=now, busy_until=busy_until, limit=limit)
        await work.commit()
    return claimed


def ids(entries: list[VARevocation]) -> set[UUID]:
    return {entry.id for entry in entries}


@pytest.mark.parametrize("is_refresh_token", [True, False])
async def test_an_entry_comes_back_as_it_was_with_one_attempt_more(
    unit_of_work: UnitOfWorkFactory,
    is_refresh_token: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    entry = replace(a_va_revocation(), is_refresh_token=is_refresh_token)
    await add(unit_of_work, entry)

    assert await claim(unit_of_work) == [replace(entry, due_at=SOON, attempts=1)]


async def test_an_entry_that_was_not_committed_is_not_kept(unit_of_work: UnitOfWorkFactory) -> None:
    async with unit_of_work() as work:
        await work.va_revocations.add(a_va_revocation())

    assert await claim(unit_of_work) == []


async def test_only_what_is_due_is_claimed(unit_of_work: UnitOfWorkFactory) -> None:
    due, not_yet = a_va_revocation(due_at=NOW), a_va_revocation(due_at=NOW + MOMENT)
    await add(unit_of_work, due, not_yet)

    assert ids(await claim(unit_of_work)) == {due.id}


async def test_what_is_claimed_is_nobody_elses_until_the_time_is_over(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    entry = a_va_revocation()
    await add(unit_of_work, entry)
    await claim(unit_of_work)

    assert await claim(unit_of_work, now=SOON - MOMENT) == []
    (again,) = await claim(unit_of_work, now=SOON, busy_until=LATER)
    assert (again.id, again.attempts) == (entry.id, 2)


async def test_a_claim_that_was_not_committed_leaves_the_entry_due(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    entry = a_va_revocation()
    await add(unit_of_work, entry)
    async with unit_of_work() as work:
        assert len(await work.va_revocations.claim(now=NOW, busy_until=SOON, limit=1)) == 1

    (again,) = await claim(unit_of_work)
    assert again.attempts == 1


async def test_no_more_are_claimed_than_that_and_what_has_waited_longest_goes_first(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    entries = [a_va_revocation(due_at=NOW - timedelta(minutes=m)) for m in range(5)]
    await add(unit_of_work, *entries)

    assert ids(await claim(unit_of_work, limit=2)) == ids(entries[3:])
    assert ids(await claim(unit_of_work, limit=2)) == ids(entries[1:3])
    assert ids(await claim(unit_of_work, limit=2)) == ids(entries[:1])


async def test_of_racing_claims_none_gets_an_entry_of_anothers(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    entries = [a_va_revocation() for _ in range(60)]
    await add(unit_of_work, *entries)
    claimed: list[UUID] = []

    async def race() -> None:
        while got := await claim(unit_of_work, limit=3):
            claimed.extend(entry.id for entry in got)

    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(race)

    # One that finds everything locked may end early; what it left is the others'.
    claimed.extend(entry.id for entry in await claim(unit_of_work))
    assert sorted(claimed) == sorted(ids(entries))


async def test_an_entry_that_is_put_off_is_due_then(unit_of_work: UnitOfWorkFactory) -> None:
    entry, other = a_va_revocation(), a_va_revocation()
    await add(unit_of_work, entry, other)
    await claim(unit_of_work)
    async with unit_of_work() as work:
        await work.va_revocations.put_off(entry.id, until=LATER)
        await work.commit()

    assert ids(await claim(unit_of_work, now=LATER - MOMENT, busy_until=LATER)) == {other.id}
    assert ids(await claim(unit_of_work, now=LATER)) == {entry.id, other.id}


async def test_an_entry_that_is_removed_is_gone(unit_of_work: UnitOfWorkFactory) -> None:
    entry, other = a_va_revocation(), a_va_revocation()
    await add(unit_of_work, entry, other)
    async with unit_of_work() as work:
        await work.va_revocations.remove(entry.id)
        await work.va_revocations.remove(uuid4())
        await work.commit()

    assert ids(await claim(unit_of_work)) == {other.id}


async def test_entries_under_other_master_keys_are_listed_in_batches(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    behind = [a_va_revocation(master_key_id="old") for _ in range(5)]
    await add(unit_of_work, a_va_revocation(master_key_id="new"), *behind)

    listed: list[VARevocation] = []
    async with unit_of_work() as work:
        assert await work.va_revocations.count_not_under("new") == 5
        after: UUID | None = None
        while batch := await work.va_revocations.list_not_under("new", after=after, limit=2):
            assert len(batch) <= 2
            listed += batch
            after = batch[-1].id
    assert listed == sorted(behind, key=lambda entry: entry.id)


async def test_the_key_of_an_entry_is_replaced_where_it_still_stands(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    entry = a_va_revocation(master_key_id="old")
    new = a_wrapped_key(entry.user_id, master_key_id="new")
    await add(unit_of_work, entry)
    async with unit_of_work() as work:
        assert await work.va_revocations.replace_key(entry.id, entry.key, new)
        assert not await work.va_revocations.replace_key(
            entry.id, entry.key, a_wrapped_key(entry.user_id)
        )
        assert not await work.va_revocations.replace_key(uuid4(), entry.key, new)
        await work.commit()

    assert await claim(unit_of_work) == [replace(entry, key=new, due_at=SOON, attempts=1)]


@pytest.mark.postgres
async def test_in_postgresql_a_claim_passes_over_what_another_unit_holds_and_does_not_wait(
    pool: Pool,
) -> None:
    def unit_of_work() -> PostgresUnitOfWork:
        return PostgresUnitOfWork(pool)

    entries = [a_va_revocation() for _ in range(4)]
    await add(unit_of_work, *entries)
    with anyio.fail_after(20):
        async with unit_of_work() as one, unit_of_work() as other:
            first = await one.va_revocations.claim(now=NOW, busy_until=SOON, limit=2)
            second = await other.va_revocations.claim(now=NOW, busy_until=SOON, limit=10)
            await other.commit()
            await one.commit()

    assert len(first) == len(second) == 2
    assert ids(first) | ids(second) == ids(entries)
