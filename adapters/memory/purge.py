"""The purge, in memory."""

from datetime import datetime
from itertools import islice
from typing import Any, final

from adapters.memory.store import MemoryTables
from application.ports.purge import Purge
from domain.login_attempt import ATTEMPT_KEPT_FOR
from domain.session import Session

#: A table and a key in it.
_Row = tuple[dict[Any, Any], Any]


@final
class MemoryPurge(Purge):
    """Reads and writes the draft of one unit of work."""

    def __init__(self, draft: MemoryTables) -> None:
        self._draft = draft

    async def sessions(self, *, ended_before: datetime, limit: int) -> int:
        return _remove(self._old_sessions(ended_before), limit)

    async def sign_ins(self, *, ended_before: datetime, limit: int) -> int:
        attempts = self._old_attempts(ended_before)[:limit]
        for state_hash in attempts:
            self._draft.forget_attempt(state_hash)
        return len(attempts) + _remove(self._old_assertions(ended_before), limit - len(attempts))

    async def count_sessions(self, *, ended_before: datetime) -> int:
        return len(self._old_sessions(ended_before))

    async def count_sign_ins(self, *, ended_before: datetime) -> int:
        handoffs = self._draft.handoffs.values()
        return (
            len(self._old_attempts(ended_before))
            + sum(each.expires_at < ended_before for each in handoffs)
            + len(self._old_assertions(ended_before))
        )

    def _old_sessions(self, before: datetime) -> list[_Row]:
        rows = self._draft.sessions
        return [(rows, key) for key, row in rows.items() if _end_of(row) < before]

    def _old_attempts(self, before: datetime) -> list[bytes]:
        rows = self._draft.login_attempts.values()
        return [row.state_hash for row in rows if row.expires_at + ATTEMPT_KEPT_FOR < before]

    def _old_assertions(self, before: datetime) -> list[_Row]:
        rows = self._draft.used_assertions
        return [(rows, key) for key, row in rows.items() if row.forget_at < before]


def _remove(rows: list[_Row], limit: int) -> int:
    for table, key in islice(rows, limit):
        del table[key]
    return min(len(rows), limit)


def _end_of(session: Session) -> datetime:
    if session.revocation is None:
        return session.expires_at
    return min(session.revocation.at, session.expires_at)
