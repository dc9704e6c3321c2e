"""Dropping months of the audit trail. On a real database: test_audit_retention.py."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from adapters.memory.store import MemoryStore
from application.use_cases.evidence.retire_audit import (
    MonthRetired,
    MonthVerdict,
    RetireAudit,
    RetireAuditCommand,
)
from domain.audit_event import AuditEventType
from tests.support.audit_desk import AuditDesk
from tests.support.builders import NOW
from tests.support.storage import memory_storage

DROPPED = MonthVerdict.DROPPED.value
APRIL = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
async def desk(store: MemoryStore) -> AuditDesk:
    """A trail with five rows in each of January and February, sealed and exported."""
    desk = AuditDesk(storage=memory_storage(store))
    await desk.append(5)
    await desk.append(5, now=NOW + timedelta(days=31))
    desk.clock.advance(APRIL - NOW)
    await desk.seal()
    await desk.export()
    return desk


async def test_only_what_is_older_than_its_retention_is_dropped(desk: AuditDesk) -> None:
    assert await desk.retire(months=None) == {}
    assert await desk.retire(months=3) == {}
    assert await desk.retire(months=2, is_dry_run=True) == {"2026-01": DROPPED}
    assert await desk.retire(months=2) == {"2026-01": DROPPED}
    assert await desk.retire(months=1) == {"2026-02": DROPPED}


async def test_a_year_has_twelve_months(desk: AuditDesk) -> None:
    desk.clock.advance(datetime(2027, 1, 1, tzinfo=UTC) - APRIL)
    assert await desk.retire(months=12) == {}
    assert await desk.retire(months=11) == {"2026-01": DROPPED}


async def test_a_drop_is_recorded_with_the_audit_key_and_audited(
    store: MemoryStore, desk: AuditDesk
) -> None:
    use_case = RetireAudit(
        unit_of_work=desk.storage.unit_of_work,
        keys=desk.keys,
        clock=desk.clock,
        retention_months=2,
    )
    (retired,) = await use_case.execute(RetireAuditCommand(is_dry_run=False))

    assert retired == MonthRetired(month="2026-01", rows=5, verdict=MonthVerdict.DROPPED)
    (drop,) = store.committed.audit_drops.values()
    assert (drop.month, drop.last_batch, drop.rows) == ("2026-01", 2, 5)
    assert (drop.dropped_at, drop.key_id) == (APRIL, desk.keys.key_id)
    assert desk.keys.is_authentic(drop.message, drop.mac, key_id=drop.key_id)
    event = store.committed.audit[-1]
    assert (event.type, event.occurred_at, event.user_id) == (
        AuditEventType.AUDIT_DROPPED,
        APRIL,
        None,
    )
    assert event.data == {"month": "2026-01", "rows": 5, "last_batch": 2}
    verified, findings = await desk.verify()
    assert (verified.dropped, findings) == (2, [])


async def test_a_dry_run_changes_nothing(store: MemoryStore, desk: AuditDesk) -> None:
    before = store.committed.copy()
    await desk.retire(months=1, is_dry_run=True)
    assert store.committed == before


async def test_what_is_not_sealed_or_not_exported_is_kept(
    store: MemoryStore, desk: AuditDesk
) -> None:
    # What was changed afterwards was not recorded with the audit key.
    store.committed.audit_exports[0] = replace(store.committed.audit_exports[0], last_batch=99)
    assert set((await desk.retire()).values()) == {MonthVerdict.NOT_EXPORTED.value}
    await desk.append(1)
    assert await desk.retire() == {
        "2026-01": MonthVerdict.NOT_SEALED.value,
        "2026-02": MonthVerdict.NOT_EXPORTED.value,
    }
    assert store.committed.audit_drops == {}
