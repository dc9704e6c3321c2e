"""The audit trail, in memory."""

from collections.abc import Sequence
from dataclasses import replace
from typing import final

from adapters.memory.store import MemoryTables
from application.ports.audit_trail import AuditTrail
from domain.audit_event import AuditEvent
from domain.identifiers import UserId


@final
class MemoryAuditTrail(AuditTrail):
    """Reads and writes the draft of one unit of work."""

    def __init__(self, draft: MemoryTables, operator: str | None) -> None:
        self._events = draft.audit
        self._gone = draft.audit_gone
        self._operator = operator

    async def append(self, event: AuditEvent) -> None:
        # The tables require it too.
        if event.occurred_at.tzinfo is None:
            raise ValueError("an event needs an instant")
        visitor = replace(event.visitor.as_recorded(), operator=self._operator)
        self._events.append(replace(event, visitor=visitor))

    async def list_for(self, user_id: UserId) -> Sequence[AuditEvent]:
        return [
            event
            for number, event in enumerate(self._events, start=1)
            if event.user_id == user_id and number not in self._gone
        ]
