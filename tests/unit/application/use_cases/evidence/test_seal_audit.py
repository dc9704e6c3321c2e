"""Sealing the audit trail."""

from datetime import timedelta

import pytest

from adapters.memory.audit_checkpoints import MemoryAuditCheckpoints
from adapters.memory.store import MemoryStore
from application.errors import CheckpointUntoldError
from domain.audit_seal import SealedBatch
from domain.merkle_tree import tree_root
from tests.support.audit_desk import AuditDesk
from tests.support.builders import NOW
from tests.support.storage import memory_storage


def a_desk(store: MemoryStore | None = None) -> AuditDesk:
    return AuditDesk(storage=memory_storage(store))


async def test_an_empty_trail_has_nothing_to_seal() -> None:
    desk = a_desk()
    sealed = await desk.seal()
    assert (sealed.batches, sealed.rows) == (0, 0)
    assert desk.checkpoints == []


async def test_everything_is_sealed_batch_by_batch_and_each_is_told() -> None:
    store = MemoryStore()
    desk = a_desk(store)
    await desk.append(9)
    sealed = await desk.seal()

    assert (sealed.batches, sealed.rows) == (3, 9)
    told = desk.checkpoints
    assert [batch.header.count for batch in told] == [4, 4, 1]
    assert [batch.header.total for batch in told] == [4, 8, 9]
    assert [batch.header.number for batch in told] == [1, 2, 3]
    assert [batch.header.previous for batch in told] == [bytes(32), told[0].hash, told[1].hash]
    assert told == list(store.committed.audit_batches.values())


async def test_a_header_says_what_it_is_over_when_and_under_which_key() -> None:
    store = MemoryStore()
    desk = a_desk(store)
    await desk.append(3)
    desk.clock.advance(timedelta(minutes=5))
    await desk.seal()

    (batch,) = desk.checkpoints
    leaves = store.committed.audit_leaves[1]
    assert batch.header.root == tree_root([leaf.hash for leaf in leaves])
    assert (batch.header.first_row, batch.header.last_row) == (1, 3)
    assert batch.header.sealed_at == NOW + timedelta(minutes=5)
    assert batch.header.key_id == desk.keys.key_id
    encoded = batch.header.encoded()
    assert desk.keys.is_authentic(encoded, batch.mac, key_id=desk.keys.key_id)


async def test_what_is_sealed_is_not_sealed_again() -> None:
    desk = a_desk()
    await desk.append(5)
    await desk.seal()
    assert (await desk.seal()).rows == 0
    await desk.append(1)
    assert (await desk.seal()).rows == 1


async def test_a_new_process_tells_of_the_newest_batch_again_and_an_old_one_does_not() -> None:
    desk = a_desk()
    await desk.append(1)
    sealer = desk.sealer()
    for _ in range(3):
        await sealer.execute()
    assert [batch.header.number for batch in desk.checkpoints] == [1]

    await desk.seal()
    assert [batch.header.number for batch in desk.checkpoints] == [1, 1]


async def test_what_cannot_be_told_is_sealed_and_the_newest_is_told_for_all_once_it_can_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = MemoryStore()
    desk = a_desk(store)
    sealer = desk.sealer()

    async def refuse(_self: MemoryAuditCheckpoints, _batch: SealedBatch) -> None:
        raise CheckpointUntoldError("/var/log/checkpoints: No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(MemoryAuditCheckpoints, "tell", refuse)
        for sealed in (3, 4):
            await desk.append(9)
            with pytest.raises(CheckpointUntoldError, match="No space left"):
                await sealer.execute()
            assert len(store.committed.audit_batches) >= sealed
        with pytest.raises(CheckpointUntoldError):
            await sealer.execute()
    assert sum(map(len, store.committed.audit_leaves.values())) == 18
    await sealer.execute()

    assert [batch.header.total for batch in desk.checkpoints] == [18]
    await sealer.execute()
    assert len(desk.checkpoints) == 1
