"""Use case: users end their own sessions."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import final

from application.errors import NotFoundError
from application.outbox_entries import OutboxEntries
from application.ports.clock import Clock
from application.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.audit_event import AuditEvent, AuditEventType
from domain.identifiers import SessionId, UserId
from domain.revocation import Revocation, RevokedBy
from domain.visitor import Visitor


class Which(Enum):
    """Which sessions to end, if it isn't a single one."""

    ALL = auto()
    ALL_BUT_CURRENT = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeSessionsCommand:
    """Which of the user's sessions to end.

    Attributes:
        current: The session that sent the request.
        which: The id of one session, or several sessions.
    """

    user_id: UserId
    current: SessionId
    which: SessionId | Which
    visitor: Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionsRevoked:
    """The sessions that this call ended."""

    session_ids: tuple[SessionId, ...]


@final
class RevokeSessions:
    """Ends sessions. Every validation that starts afterwards fails."""

    def __init__(
        self,
        *,
        unit_of_work: UnitOfWorkFactory,
        outbox_entries: OutboxEntries,
        clock: Clock,
        all_revokes_at_va: bool,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._outbox_entries = outbox_entries
        self._clock = clock
        self._all_revokes_at_va = all_revokes_at_va

    async def execute(self, command: RevokeSessionsCommand) -> SessionsRevoked:
        """Ends the sessions. Audited in the transaction. Ended sessions don't change.

        Raises:
            NotFoundError: The user has no such session. The audit trail records the attempt.
            UnavailableError: The store did not answer. Nothing was acknowledged.
        """
        now = self._clock.now()
        async with self._unit_of_work() as work:
            # IssueSession locks the same row, so no new session can be missed.
            await work.users.lock(command.user_id)
            if isinstance(command.which, Which):
                ended = await _revoke_several(work, command, command.which, now)
                if command.which is Which.ALL and self._all_revokes_at_va:
                    await self._outbox_entries.revoke_and_destroy(work, command.user_id, now=now)
            else:
                ended = await _revoke_one(work, command, command.which, now)
            await work.commit()
        return SessionsRevoked(session_ids=tuple(ended))


async def _revoke_several(
    work: UnitOfWork, command: RevokeSessionsCommand, which: Which, now: datetime
) -> list[SessionId]:
    spare = command.current if which is Which.ALL_BUT_CURRENT else None
    event_type = AuditEventType.LOGOUT_ALL if spare is None else AuditEventType.LOGOUT_OTHERS
    revocation = Revocation(at=now, by=RevokedBy.USER, reason=event_type.value)
    ended = await work.sessions.revoke_all(command.user_id, revocation, spare=spare)
    event = AuditEvent.of_user(
        event_type, command.user_id, visitor=command.visitor, now=now, sessions=len(ended)
    )
    await work.audit.append(event)
    return ended


async def _revoke_one(
    work: UnitOfWork, command: RevokeSessionsCommand, session_id: SessionId, now: datetime
) -> list[SessionId]:
    is_own_current = session_id == command.current
    event_type = AuditEventType.LOGOUT if is_own_current else AuditEventType.SESSION_REVOKED
    session = await work.sessions.lock(command.user_id, session_id)
    if session is None:
        event_type = AuditEventType.SESSION_REVOKE_REFUSED
    elif session.is_beyond_renewal(now):
        return []
    else:
        revocation = Revocation(at=now, by=RevokedBy.USER, reason=event_type.value)
        await work.sessions.revoke(command.user_id, session_id, revocation)
    event = AuditEvent.of_session(
        event_type, command.user_id, session_id, visitor=command.visitor, now=now
    )
    await work.audit.append(event)
    if session is None:
        # The refusal must be in the audit trail before the caller learns of it.
        await work.commit()
        raise NotFoundError
    return [session_id]
