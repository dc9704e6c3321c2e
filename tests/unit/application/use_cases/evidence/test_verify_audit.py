"""Verifying the audit trail. What it finds when somebody was there: test_audit_tampering.py."""

from dataclasses import replace

from adapters.memory.store import MemoryStore
from application.use_cases.evidence.verify_audit import VerifyAudit, VerifyAuditCommand
from domain.audit_event import AuditEventType
from tests.support.audit_desk import AuditDesk
from tests.support.storage import memory_storage


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
    assert looked_at == [4, 4, 1, 11]
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
    await desk.append(6)
    await desk.seal()
    del store.committed.audit_batches[2]
    assert await desk.findings() == [("batch_removed", 2, 5), ("batch_removed", 2, 6)]

    (leaf, _) = store.committed.audit_leaves.pop(2)
    store.committed.audit_leaves[77] = (leaf,)
    verified, findings = await desk.verify()
    (found,) = findings
    assert str(found) == (
        "leaf_inserted: batch 77, row 5: it wasn't sealed with an audit key, and its batch is "
        "missing"
    )
    # The row that lost its leaf together with its batch waits as if it had never been sealed.
    assert verified.waiting == 1
