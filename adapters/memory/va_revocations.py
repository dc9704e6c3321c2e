"""The outbox of tokens to revoke at VA, in memory."""

from dataclasses import replace
from datetime import datetime
from typing import final
from uuid import UUID

from adapters.memory.store import MemoryTables
from application.ports.va_revocations import VARevocations
from domain.data_key import WrappedDataKey
from domain.va_revocation import VARevocation


@final
class MemoryVARevocations(VARevocations):
    """Reads and writes the draft of one unit of work."""

    def __init__(self, draft: MemoryTables) -> None:
        self._rows = draft.va_revocations

    async def add(self, revocation: VARevocation) -> None:
        self._rows[revocation.id] = revocation

    async def claim(self, *, now: datetime, busy_until: datetime, limit: int) -> list[VARevocation]:
        due = sorted(
            (row for row in self._rows.values() if row.due_at <= now), key=lambda row: row.due_at
        )
        claimed = [
            replace(row, due_at=busy_until, attempts=row.attempts + 1) for row in due[:limit]
        ]
        for row in claimed:
            self._rows[row.id] = row
        return claimed

    async def put_off(self, revocation_id: UUID, *, until: datetime) -> None:
        row = self._rows.get(revocation_id)
        if row is not None:
            self._rows[revocation_id] = replace(row, due_at=until)

    async def remove(self, revocation_id: UUID) -> None:
        self._rows.pop(revocation_id, None)

    async def list_not_under(
        self, master_key_id: str, *, after: UUID | None, limit: int
    ) -> list[VARevocation]:
        found = [
            self._rows[revocation_id]
            for revocation_id in sorted(self._rows)
            if (after is None or revocation_id > after)
            and self._rows[revocation_id].key.master_key_id != master_key_id
        ]
        return found[:limit]

    async def count_not_under(self, master_key_id: str) -> int:
        return sum(row.key.master_key_id != master_key_id for row in self._rows.values())

    async def replace_key(
        self, revocation_id: UUID, old: WrappedDataKey, new: WrappedDataKey
    ) -> bool:
        row = self._rows.get(revocation_id)
        if row is None or row.key != old:
            return False
        self._rows[revocation_id] = replace(row, key=new)
        return True
