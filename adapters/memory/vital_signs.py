"""How the in-memory store is."""

from typing import final

from adapters.memory.store import MemoryStore
from application.ports.clock import Clock
from application.ports.vital_signs import Vitals, VitalSigns


@final
class MemoryVitalSigns(VitalSigns):
    """Looks at what is committed. Nobody but this process can change it, the audit included."""

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
            oldest_sign_in_end=min((attempt.expires_at for attempt in attempts), default=None),
            oldest_session_end=min(
                (session.expires_at for session in tables.sessions.values()), default=None
            ),
            oldest_unsealed=min(
                (event.occurred_at for event in tables.audit[sealed:]), default=None
            ),
            newest_seal_at=newest.header.sealed_at if newest else None,
            may_rewrite_audit=True,
        )
