"""The history in memory."""

from collections.abc import Sequence
from typing import final
from uuid import UUID

from adapters.memory.store import MemoryStore
from application.ports.audit_history import AuditHistory
from domain.audit_event import FRONT_END, AuditEvent
from domain.audit_record import AuditFilter, AuditMark, AuditRecord
from domain.front_end import parse_front_end_id
from domain.identifiers import SessionId
from domain.service_client import parse_client_id


@final
class MemoryAuditHistory(AuditHistory):
    """Reads only committed data, even while a unit of work is open."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def list(
        self, wanted: AuditFilter, *, after: AuditMark | None, limit: int
    ) -> Sequence[AuditRecord]:
        found = [
            self._record(f"{position:020d}", event)
            for position, event in enumerate(self._store.committed.audit)
            if _is_wanted(event, wanted)
        ]
        found.sort(key=lambda record: _place(record.mark), reverse=True)
        return [each for each in found if after is None or _place(each.mark) < _place(after)][
            :limit
        ]

    def _record(self, key: str, event: AuditEvent) -> AuditRecord:
        tables = self._store.committed
        session = None
        if "session_id" in event.data:
            session = tables.sessions.get(SessionId(UUID(str(event.data["session_id"]))))
        is_own = session is not None and session.user_id == event.user_id
        client_id = parse_client_id(str(event.data.get("client", "")))
        client = tables.service_clients.get(client_id) if client_id else None
        front_end_id = parse_front_end_id(str(event.data.get(FRONT_END, "")))
        front_end = tables.front_ends.get(front_end_id) if front_end_id else None
        return AuditRecord(
            mark=AuditMark(occurred_at=event.occurred_at, key=key),
            type=event.type.value,
            user_id=event.user_id,
            visitor=event.visitor,
            data=event.data,
            user_agent=session.user_agent if session is not None and is_own else None,
            client_name=client.name if client else None,
            front_end_name=front_end.name if front_end else None,
        )


def _is_wanted(event: AuditEvent, wanted: AuditFilter) -> bool:
    return (
        (wanted.user_id is None or event.user_id in {wanted.user_id, *wanted.also_of})
        and (wanted.types is None or event.type in wanted.types)
        and (wanted.since is None or event.occurred_at >= wanted.since)
        and (wanted.until is None or event.occurred_at < wanted.until)
        and (wanted.reference is None or event.visitor.request_id == wanted.reference)
        and (wanted.operator is None or event.visitor.operator == wanted.operator)
        and _concerns(event, "session_id", wanted.session_id)
        and _concerns(event, "client", wanted.client_id)
    )


def _concerns(event: AuditEvent, name: str, wanted: UUID | None) -> bool:
    return wanted is None or event.data.get(name) == str(wanted)


def _place(mark: AuditMark) -> tuple[object, str]:
    return mark.occurred_at, mark.key
