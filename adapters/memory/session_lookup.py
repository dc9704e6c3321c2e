"""Sessions as last committed, in memory."""

from typing import final

from adapters.memory.store import MemoryStore
from application.ports.session_lookup import SessionLookup
from domain.identifiers import SessionId, UserId
from domain.session import Session


@final
class MemorySessionLookup(SessionLookup):
    """Reads past any unit of work that is open."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def find(self, user_id: UserId, session_id: SessionId) -> Session | None:
        session = self._store.committed.sessions.get(session_id)
        return session if session is not None and session.user_id == user_id else None
