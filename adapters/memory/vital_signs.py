"""The vital signs of the in-memory store."""

from datetime import datetime
from typing import final

from adapters.memory.store import MemoryStore
from application.ports.clock import Clock
from application.ports.vital_signs import Rights, Vitals, VitalSigns
from domain.login_attempt import ATTEMPT_KEPT_FOR


@final
class MemoryVitalSigns(VitalSigns):
    """Reads committed data. This process is the owner of all data, including the audit trail."""

    def __init__(self, store: MemoryStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def read(self) -> Vitals:
        tables = self._store.committed
        outbox = tables.va_revocations.values()
        attempts = tables.login_attempts.values()
        batches = tables.audit_batches
        newest = batches[max(batches)] if batches else None
        sealed = newest.header.horizon.row if newest else 0
        return Vitals(
            now=self._clock.now(),
            outbox=len(outbox),
            oldest_in_outbox=min((entry.created_at for entry in outbox), default=None),
            oldest_sign_in_end=min(
                (attempt.expires_at + ATTEMPT_KEPT_FOR for attempt in attempts), default=None
            ),
            oldest_session_end=min(
                (session.expires_at for session in tables.sessions.values()), default=None
            ),
            oldest_unsealed=min(
                (event.occurred_at for event in tables.audit[sealed:]), default=None
            ),
            newest_seal=newest.header.number if newest else 0,
            newest_seal_at=newest.header.sealed_at if newest else None,
            missing_months=(),
            rows_of_no_month=0,
        )

    async def rights(self) -> Rights:
        return Rights(is_owner=True)

    async def oldest_passed_by(self) -> datetime | None:
        tables = self._store.committed
        batches = tables.audit_batches
        horizon = batches[max(batches)].header.horizon.row if batches else 0
        sealed = {leaf.place.row for batch in tables.audit_leaves.values() for leaf in batch}
        passed = set(range(1, horizon + 1)) - sealed - tables.audit_gone
        return min((tables.audit[row - 1].occurred_at for row in passed), default=None)
