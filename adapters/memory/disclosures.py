"""The recorded uses of VA tokens, in memory."""

from collections.abc import Sequence
from typing import final

from adapters.memory.store import MemoryStore
from application.ports.disclosures import Disclosures
from domain.audit_event import AuditEvent, AuditEventType
from domain.audit_record import AuditMark
from domain.disclosure import Disclosure
from domain.identifiers import UserId
from domain.service_client import parse_client_id
from domain.va_token_use import TokenPurpose


@final
class MemoryDisclosures(Disclosures):
    """Reads only committed data, even while a unit of work is open."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def list_for(
        self,
        user_id: UserId,
        *,
        also_of: frozenset[UserId] = frozenset(),
        after: AuditMark | None,
        limit: int,
    ) -> Sequence[Disclosure]:
        found = [
            self._disclosure(f"{position:020d}", event)
            for position, event in enumerate(self._store.committed.audit)
            if event.type is AuditEventType.VA_TOKEN_USED and event.user_id in {user_id, *also_of}
        ]
        found.sort(key=_place, reverse=True)
        return [
            each for each in found if after is None or _place(each) < (after.occurred_at, after.key)
        ][:limit]

    def _disclosure(self, key: str, event: AuditEvent) -> Disclosure:
        client_id = parse_client_id(str(event.data["client"]))
        client = self._store.committed.service_clients.get(client_id) if client_id else None
        return Disclosure(
            mark=AuditMark(occurred_at=event.occurred_at, key=key),
            client_name=client.name if client else None,
            purpose=TokenPurpose(str(event.data["purpose"])),
            scope=str(event.data["scope"]),
        )


def _place(disclosure: Disclosure) -> tuple[object, str]:
    return disclosure.mark.occurred_at, disclosure.mark.key
