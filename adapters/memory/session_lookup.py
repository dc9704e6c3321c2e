"""The look-up of sessions, in memory."""

from typing import final

from adapters.memory.store import MemoryStore
from application.ports.session_lookup import SessionLookup
from domain.identifiers import SessionId, UserId
from domain.session_standing import SessionStanding


@final
class MemorySessionLookup(SessionLookup):
    """Reads only committed data, even while a unit of work is open."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def find(self, user_id: UserId, session_id: SessionId) -> SessionStanding | None:
        session = self._store.committed.sessions.get(session_id)
        if session is None or session.user_id != user_id:
            return None
        return SessionStanding(
            session_id=session.id,
            user_id=session.user_id,
            issued_at=session.issued_at,
            renewed_at=session.renewed_at,
            expires_at=session.expires_at,
            absolute_expires_at=session.absolute_expires_at,
            is_revoked=session.revocation is not None,
            front_end=session.front_end,
        )
