"""Sessions in memory."""

from datetime import datetime
from typing import final

from adapters.memory.store import MemoryTables
from application.errors import ConflictError
from application.ports.session_repository import SessionRepository
from domain.identifiers import SessionId, UserId
from domain.session import Session


@final
class MemorySessionRepository(SessionRepository):
    """Works on the draft of one unit."""

    def __init__(self, draft: MemoryTables) -> None:
        self._sessions = draft.sessions

    async def add(self, session: Session) -> None:
        if session.id in self._sessions:
            raise ConflictError
        self._sessions[session.id] = session

    async def revoke(self, user_id: UserId, session_id: SessionId, *, now: datetime) -> bool:
        session = self._sessions.get(session_id)
        if session is None or session.user_id != user_id or not session.is_active(now):
            return False
        self._sessions[session_id] = session.revoke(now)
        return True

    async def revoke_all(self, user_id: UserId, *, now: datetime) -> list[SessionId]:
        return [
            session_id
            for session_id in sorted(self._sessions)
            if await self.revoke(user_id, session_id, now=now)
        ]
