"""Verifying the audit trail. On a real database: test_audit_tampering.py."""

import secrets
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.memory.store import MemoryStore
from application import sealed_batches
from application.use_cases.evidence import verify_audit
from application.use_cases.evidence.verify_audit import VerifyAudit, VerifyAuditCommand
from domain.audit_event import AuditEventType
from domain.audit_retention import DroppedMonth
from domain.audit_seal import SelfContradictionError
from tests.support.audit_desk import AuditDesk, seal_keys
from tests.support.builders import NOW
from tests.support.storage import memory_storage


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed_batches, "_PAGE", 2)
    monkeypatch.setattr(verify_audit, "_ROWS_OF_A_PAGE", 2)


async def test_nothing_is_wrong_with_an_empty_trail() -> None:
    verified, findings = await AuditDesk(storage=memory_storage()).verify()
    assert (verified.batches, verified.rows, verified.waiting) == (0, 0, 0)
    assert verified.newest is None
    assert findings == []


async def test_what_was_sealed_and_what_waits_is_counted_and_told_as_it_goes() -> None:
    desk = AuditDesk(storage=memory_storage())
    await desk.append(9)
    await desk.seal()
    await desk.append(2)
    looked_at: list[int] = []
    use_case = VerifyAudit(trail=desk.storage.sealed_trail, keys=desk.keys)
    verified = await use_case.execute(
        VerifyAuditCommand(
            checkpoints=desk.checkpoints, on_rows=looked_at.append, on_finding=lambda _found: None
        )
    )

    assert (verified.batches, verified.rows, verified.waiting) == (3, 9, 2)
    assert (verified.checkpoints, verified.findings) == (3, 0)
    assert looked_at == [4, 4, 1, *[2] * 5, 1]
    # What waits is not counted beforehand.
    assert sum(looked_at) == await use_case.count() + 2


async def test_a_row_that_is_another_now_is_found() -> None:
    store = MemoryStore()
    desk = AuditDesk(storage=memory_storage(store))
    await desk.append(5)
    await desk.seal()
    event = store.committed.audit[1]
    store.committed.audit[1] = replace(event, type=AuditEventType.LOGIN)

    assert await desk.findings() == [("row_altered", 1, 2)]


async def test_a_finding_says_where_and_what_in_one_line() -> None:
    store = MemoryStore()
    desk = AuditDesk(storage=memory_storage(store))
    await desk.append(5)
    await desk.seal()
    store.committed.audit[1] = replace(store.committed.audit[1], data={"sessions": 99})
    _, (finding,) = await desk.verify()

    assert str(finding) == "row_altered: batch 1, row 2: it was altered"


async def test_leaves_of_a_batch_that_is_gone_tell_of_it_and_made_up_ones_are_named() -> None:
    store = MemoryStore()
    desk = AuditDesk(storage=memory_storage(store))
    await desk.append(7)
    await desk.seal()
    del store.committed.audit_batches[2]
    assert await desk.findings() == [("batch_removed", 2, row) for row in (5, 6, 7)]

    (leaf, *_) = store.committed.audit_leaves.pop(2)
    store.committed.audit_leaves[77] = (leaf,)
    verified, findings = await desk.verify()
    (found,) = findings
    assert str(found) == (
        "leaf_inserted: batch 77, row 5: it wasn't sealed with an audit key, and its batch is "
        "missing"
    )
    # Rows that lost their leaves together with their batch wait as if they had never been sealed.
    assert verified.waiting == 2


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
async def desk(store: MemoryStore) -> AuditDesk:
    """A trail of three batches, of four, four and one row."""
    desk = AuditDesk(storage=memory_storage(store))
    await desk.append(9)
    await desk.seal()
    return desk


async def test_the_newest_batch_is_named(store: MemoryStore, desk: AuditDesk) -> None:
    verified, _ = await desk.verify()
    assert verified.newest == store.committed.audit_batches[3]


async def told(desk: AuditDesk, *checkpoints: Any) -> list[str]:
    _, findings = await desk.verify(checkpoints)
    return [str(finding) for finding in findings]


async def test_a_batch_at_the_place_of_another_is_found_by_its_chain(
    store: MemoryStore, desk: AuditDesk
) -> None:
    batches = store.committed.audit_batches
    for number in (1, 2):
        moved = replace(batches[number], header=replace(batches[number].header, number=3))
        batches[3] = moved
        assert f"batch_misplaced: batch 3: the batch stored here was sealed as batch {number}" in (
            await told(desk)
        )


async def test_leaves_under_a_header_in_doubt_are_judged_by_their_tags(
    store: MemoryStore, desk: AuditDesk
) -> None:
    batches = store.committed.audit_batches
    # Without a leaf, so that the root is the right one for what is there.
    batches[3] = replace(batches[3], header=replace(batches[3].header, root=bytes(32)))
    assert await told(desk) == [
        "batch_forged: batch 3: its hashes match, but it wasn't sealed with an audit key"
    ]


async def test_a_negative_count_is_no_reason_to_fail(store: MemoryStore, desk: AuditDesk) -> None:
    batches = store.committed.audit_batches
    batches[3] = replace(batches[3], header=replace(batches[3].header, count=-150))
    found = await told(desk)
    assert found[0].startswith("batch_forged: batch 3: ")
    assert found[1:] == [
        "leaf_altered: batch 3, row 9: its leaf is at position 0, where it wasn't sealed"
    ]


async def test_a_row_behind_the_horizon_was_inserted(store: MemoryStore, desk: AuditDesk) -> None:
    (leaf,) = store.committed.audit_leaves.pop(3)
    await desk.append(1)
    assert await told(desk) == [
        "leaf_removed: batch 3: the leaf at position 0 is missing",
        "row_inserted: row 9: it isn't sealed, and sealing has already passed its place",
    ]
    assert leaf.place.row == 9


async def test_a_removed_batch_is_known_by_an_older_key_that_is_available() -> None:
    store, old = MemoryStore(), secrets.token_bytes(32)
    desk = AuditDesk(storage=memory_storage(store), keys=seal_keys(old))
    await desk.append(6)
    await desk.seal()
    del store.committed.audit_batches[2]
    for keys, kind in (
        ((secrets.token_bytes(32), old), "batch_removed"),
        ((secrets.token_bytes(32),), "leaf_inserted"),
    ):
        desk.keys = seal_keys(*keys)
        found = await desk.findings()
        assert found[-2:] == [(kind, 2, 5), (kind, 2, 6)]


async def test_the_checkpoints_are_compared_with_what_is_stored(
    store: MemoryStore, desk: AuditDesk
) -> None:
    first, second, third = desk.checkpoints
    forged = replace(second, mac=bytes(32))
    impossible = replace(first, header=replace(first.header, number=0))
    verified, findings = await desk.verify(
        [SelfContradictionError(7), forged, impossible, first, second, third]
    )
    ignored = "this checkpoint wasn't made with an audit key, so it was ignored"
    assert [str(finding) for finding in findings] == [
        "checkpoint_forged: batch 7: this checkpoint doesn't match its own hash, so it was ignored",
        f"checkpoint_forged: batch 2: {ignored}",
        f"checkpoint_forged: batch 0: {ignored}",
    ]
    assert verified.checkpoints == 3

    del store.committed.audit_batches[3]
    store.committed.audit_leaves.pop(3)
    cut = "an outside checkpoint has it, but the trail ends with batch"
    assert await told(desk, first, second, third) == [f"tail_cut: batch 3: {cut} 2"]
    store.committed.audit_batches.clear()
    store.committed.audit_leaves.clear()
    assert await told(desk, first) == [f"tail_cut: batch 1: {cut} 0"]


async def test_a_batch_below_one_is_no_checkpoint_whoever_made_it(desk: AuditDesk) -> None:
    first = desk.checkpoints[0]
    header = replace(first.header, number=0)
    genuine = replace(first, header=header, mac=desk.keys.authenticate(header.encoded()))
    strangers = replace(first, header=replace(header, key_id="another"))
    for checkpoint in (genuine, strangers):
        (found,) = await told(desk, checkpoint)
        assert found.startswith("checkpoint_forged: batch 0: ")


async def test_a_checkpoint_of_another_batch_says_that_history_was_rewritten(
    desk: AuditDesk,
) -> None:
    other = AuditDesk(storage=memory_storage(), keys=desk.keys)
    await other.append(4)
    await other.seal()
    # Nobody can tell who made it, but it isn't this batch.
    strangers = AuditDesk(storage=memory_storage())
    await strangers.append(4)
    await strangers.seal()
    for checkpoint in (*other.checkpoints, *strangers.checkpoints):
        assert await told(desk, checkpoint) == [
            "history_rewritten: batch 1: an outside checkpoint has another batch of this number"
        ]


async def dropped(desk: AuditDesk) -> None:
    """January, which was sealed in the first three batches, is exported and dropped."""
    desk.clock.advance(timedelta(days=90))
    await desk.append(1, now=NOW + timedelta(days=90))
    await desk.seal()
    await desk.export()
    assert await desk.retire() == {"2026-01": "dropped"}


async def test_months_that_were_dropped_with_the_key_are_missed_by_nobody(
    store: MemoryStore, desk: AuditDesk
) -> None:
    await dropped(desk)
    verified, findings = await desk.verify()
    assert (verified.batches, verified.rows, verified.dropped, findings) == (4, 1, 3, [])

    # A batch that came after the drop was not dropped.
    drop = store.committed.audit_drops["2026-01"]
    earlier = replace(drop, last_batch=2)
    earlier = replace(earlier, mac=desk.keys.authenticate(earlier.message))
    store.committed.audit_drops["2026-01"] = earlier
    assert await told(desk) == ["leaf_removed: batch 3: the leaf at position 0 is missing"]


@pytest.mark.parametrize("changes", [{"mac": bytes(32)}, {"key_id": "another"}, {"rows": 8}])
async def test_a_drop_that_nobody_authenticated_excuses_nothing(
    store: MemoryStore, desk: AuditDesk, changes: dict[str, Any]
) -> None:
    await dropped(desk)
    drop: DroppedMonth = store.committed.audit_drops["2026-01"]
    store.committed.audit_drops["2026-01"] = replace(drop, **changes)
    found = await told(desk)
    assert found[0] == (
        "drop_forged: batch 3: the drop of the month 2026-01 wasn't recorded with an audit key"
    )
    assert [each.partition(":")[0] for each in found[1:]] == ["leaf_removed"] * 3


async def test_a_drop_excuses_no_header_that_is_in_doubt_and_no_leaf_that_is_left(
    store: MemoryStore, desk: AuditDesk
) -> None:
    leaves = store.committed.audit_leaves[3]
    await dropped(desk)
    store.committed.audit_leaves[3] = leaves
    store.committed.audit[8] = replace(store.committed.audit[8], data={"sessions": 99})
    assert await told(desk) == ["row_altered: batch 3, row 9: it was altered"]
    batches = store.committed.audit_batches
    batches[2] = replace(batches[2], mac=bytes(32))
    found = await told(desk)
    assert "leaf_removed: batch 2: 4 leaves are missing, from position 0 to position 3" in found
