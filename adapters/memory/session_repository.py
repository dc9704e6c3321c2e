"""Sessions, in memory."""

from dataclasses import replace
from datetime import datetime
from typing import final

from adapters.memory.store import MemoryTables
from application.errors import AttemptSupersededError, ConflictError
from application.ports.session_repository import SessionRepository
from domain.identifiers import SessionId, UserId
from domain.revocation import Revocation
from domain.session import Session


@final
class MemorySessionRepository(SessionRepository):
    """Reads and writes the draft of one unit of work."""

    def __init__(self, draft: MemoryTables) -> None:
        self._draft = draft
        self._sessions = draft.sessions

    async def add(self, session: Session, *, opened_by: bytes | None = None) -> None:
        if opened_by is not None and self._draft.superseded_attempts.get(opened_by):
            raise AttemptSupersededError
        if session.id in self._sessions:
            raise ConflictError
        self._sessions[session.id] = session
        if opened_by is not None and opened_by in self._draft.login_attempts:
            self._draft.attempt_sessions[opened_by] = (session.user_id, session.id)

    async def lock(self, user_id: UserId, session_id: SessionId) -> Session | None:
        # No lock is needed: in-memory units of work run one at a time.
        session = self._sessions.get(session_id)
        return session if session is not None and session.user_id == user_id else None

    async def list_active(self, user_id: UserId, *, now: datetime) -> list[Session]:
        active = [
            session
            for session in self._sessions.values()
            if session.user_id == user_id and session.is_active(now)
        ]
        return sorted(active, key=lambda session: (session.issued_at, session.id), reverse=True)

    async def hand_out(self, session: Session) -> bool:
        stored = await self.lock(session.user_id, session.id)
        if stored is None or stored.revocation is not None:
            return False
        self._sessions[session.id] = session
        return True

    async def renew(self, session: Session) -> bool:
        stored = await self.lock(session.user_id, session.id)
        if stored is None or stored.revocation is not None:
            return False
        if stored.rotation.current != session.rotation.previous:
            return False
        self._sessions[session.id] = session
        return True

    async def revoke(self, user_id: UserId, session_id: SessionId, revocation: Revocation) -> bool:
        session = await self.lock(user_id, session_id)
        if session is None or session.revocation is not None:
            return False
        self._sessions[session_id] = replace(session, revocation=revocation)
        return True

    async def revoke_all(
        self, user_id: UserId, revocation: Revocation, *, spare: SessionId | None = None
    ) -> list[SessionId]:
        ended = [
            session
            for session in self._sessions.values()
            if session.user_id == user_id
            and session.id != spare
            and not session.is_beyond_renewal(revocation.at)
        ]
        for session in ended:
            await self.revoke(user_id, session.id, revocation)
        return sorted(session.id for session in ended if session.is_active(revocation.at))
