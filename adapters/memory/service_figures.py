"""How the service is used, counted in memory."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import final

from adapters.memory.store import MemoryStore
from application.ports.service_figures import SUCCESS, ServiceFigures, SignInCount
from domain.audit_event import AuditEvent, AuditEventType


@final
class MemoryServiceFigures(ServiceFigures):
    """Counts committed data."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def sign_ins(self, *, since: datetime) -> Sequence[SignInCount]:
        counts = Counter(
            (_hour(event.occurred_at), _outcome(event))
            for event in self._store.committed.audit
            if event.type in {AuditEventType.LOGIN, AuditEventType.LOGIN_FAILED}
            and event.occurred_at >= since
        )
        return [
            SignInCount(hour=hour, outcome=outcome, number=number)
            for (hour, outcome), number in sorted(counts.items())
        ]

    async def live_sessions(self, *, now: datetime) -> int:
        return sum(each.is_active(now) for each in self._store.committed.sessions.values())


def _hour(instant: datetime) -> datetime:
    return instant.replace(minute=0, second=0, microsecond=0)


def _outcome(event: AuditEvent) -> str:
    return SUCCESS if event.type is AuditEventType.LOGIN else str(event.data.get("error", ""))
