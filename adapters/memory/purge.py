"""The purge in memory."""

from datetime import datetime
from typing import final

from adapters.memory.audit_trail import MemoryAuditTrail
from adapters.memory.store import MemoryStore
from application.ports.purge import Note, Purge
from domain.session import Session


@final
class MemoryPurge(Purge):
    """Never yields to the event loop, so each batch is atomic."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def sessions(self, *, ended_before: datetime, limit: int, note: Note) -> int:
        rows = self._store.committed.sessions
        gone = [row.id for row in rows.values() if _end_of(row) < ended_before][:limit]
        await self._note(len(gone), note)
        for session_id in gone:
            del rows[session_id]
        return len(gone)

    async def sign_ins(self, *, ended_before: datetime, limit: int, note: Note) -> int:
        attempts, handoffs = self._store.login_attempts, self._store.committed.handoffs
        old_attempts = [k for k, row in attempts.items() if row.expires_at < ended_before][:limit]
        old_handoffs = [k for k, row in handoffs.items() if row.expires_at < ended_before]
        old_handoffs = old_handoffs[: limit - len(old_attempts)]
        used = self._store.committed.used_assertions
        old_used = [k for k, row in used.items() if row.forget_at < ended_before]
        old_used = old_used[: limit - len(old_attempts) - len(old_handoffs)]
        removed = len(old_attempts) + len(old_handoffs) + len(old_used)
        await self._note(removed, note)
        for key in old_attempts:
            del attempts[key]
        for key in old_handoffs:
            del handoffs[key]
        for mark in old_used:
            del used[mark]
        return removed

    async def _note(self, removed: int, note: Note) -> None:
        if removed:
            await MemoryAuditTrail(self._store.committed).append(note(removed))


def _end_of(session: Session) -> datetime:
    if session.revocation is None:
        return session.expires_at
    return min(session.revocation.at, session.expires_at)
