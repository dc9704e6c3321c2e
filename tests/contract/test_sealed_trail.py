"""What every SealedTrail promises, run against each adapter."""

from datetime import datetime, timedelta

import pytest

from adapters.memory.audit_checkpoints import MemoryAuditCheckpoints
from adapters.memory.seal_keys import MemorySealKeys
from application.use_cases.evidence.seal_audit import SealAudit
from domain.audit_event import AuditEvent, AuditEventType
from domain.identifiers import UserId
from domain.merkle_tree import leaf_hash, tree_root
from domain.trail_row import Horizon, Place
from tests.support.builders import NOW, a_user_id, a_visitor
from tests.support.frozen_clock import frozen_clock
from tests.support.storage import Storage


async def append(
    storage: Storage, events: int, *, user_id: UserId | None = None, now: datetime = NOW
) -> None:
    async with storage.unit_of_work() as work:
        for number in range(events):
            event = AuditEvent(
                type=AuditEventType.LOGOUT_ALL,
                occurred_at=now + timedelta(seconds=number),
                user_id=user_id,
                visitor=a_visitor(),
                data={"sessions": number},
            )
            await work.audit.append(event)
        await work.commit()


async def seal(storage: Storage, batch_limit: int = 2) -> None:
    use_case = SealAudit(
        unit_of_work=storage.unit_of_work,
        keys=MemorySealKeys(),
        checkpoints=MemoryAuditCheckpoints(),
        clock=frozen_clock(),
        batch_limit=batch_limit,
    )
    await use_case.execute()


async def test_an_empty_trail_has_nothing_to_show(own_storage: Storage) -> None:
    trail = own_storage.sealed_trail
    assert (await trail.size()).batches == 0
    assert await trail.batches(after=None, limit=10) == []
    assert await trail.orphans(after=None, limit=10) == []
    assert await trail.number_of(bytes(32)) is None
    page = await trail.loose(after=None, horizon=None, limit=10)
    assert (page.looked_at, list(page.loose), page.last) == (0, [], None)


async def test_batches_come_by_number_and_from_where_one_wants(own_storage: Storage) -> None:
    await append(own_storage, 7)
    await seal(own_storage)
    trail = own_storage.sealed_trail
    everything = await trail.batches(after=0, limit=10)

    assert [batch.sealed.header.number for batch in everything] == [1, 2, 3, 4]
    assert all(batch.noted_hash == batch.sealed.hash for batch in everything)
    assert await trail.batches(after=None, limit=10) == everything
    assert await trail.batches(after=1, limit=2) == everything[1:3]
    assert await trail.batches(after=4, limit=2) == []
    assert [await trail.number_of(batch.noted_hash) for batch in everything] == [1, 2, 3, 4]
    assert (await trail.size()).batches == 4
    assert (await trail.size()).rows == 7


async def test_leaves_come_by_position_each_with_its_row_as_it_was_sealed(
    own_storage: Storage,
) -> None:
    user_id = a_user_id()
    await append(own_storage, 5, user_id=user_id)
    await seal(own_storage, batch_limit=10)
    (batch,) = await own_storage.sealed_trail.batches(after=0, limit=10)
    leaves = await own_storage.sealed_trail.leaves(batch, limit=100)

    assert [leaf.position for leaf in leaves] == list(range(5))
    assert tree_root([leaf.hash for leaf in leaves]) == batch.sealed.header.root
    for number, leaf in enumerate(leaves):
        (row,) = leaf.rows
        assert leaf_hash(row.content) == leaf.hash
        assert row.user_id == user_id
        assert row.occurred_at == NOW + timedelta(seconds=number)
        assert str(user_id).encode() in row.content
        assert row.transaction == leaf.transaction
    assert await own_storage.sealed_trail.leaves(batch, limit=2) == leaves[:2]
    assert await own_storage.sealed_trail.orphans(after=None, limit=10) == []


async def test_rows_without_a_batch_are_loose_and_those_behind_the_horizon_are_told_apart(
    own_storage: Storage,
) -> None:
    await append(own_storage, 3)
    await seal(own_storage)
    await append(own_storage, 2)
    trail = own_storage.sealed_trail
    newest = (await trail.batches(after=0, limit=10))[-1]

    horizon = await trail.horizon(newest)
    assert horizon == Horizon(place=newest.sealed.header.horizon)
    page = await trail.loose(after=None, horizon=horizon, limit=100)
    assert page.looked_at == 5
    assert page.last is None
    assert [(row.orphan, row.is_passed) for row in page.loose] == [(None, False)] * 2
    beyond = Horizon(place=Place(transaction=2**40, row=2**40))
    page = await trail.loose(after=None, horizon=beyond, limit=100)
    assert [row.is_passed for row in page.loose] == [True] * 2


@pytest.mark.parametrize("limit", [1, 2, 5])
async def test_loose_rows_can_be_read_in_bits(own_storage: Storage, limit: int) -> None:
    await append(own_storage, 5)
    looked_at, loose, after = 0, [], None
    while True:
        page = await own_storage.sealed_trail.loose(after=after, horizon=None, limit=limit)
        looked_at += page.looked_at
        loose += [row.row for row in page.loose]
        if page.last is None:
            break
        after = page.last
    assert looked_at == len(set(loose)) == 5
