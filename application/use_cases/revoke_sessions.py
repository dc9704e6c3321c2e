"""Use case: sign a user out, here or everywhere."""

from dataclasses import dataclass
from typing import final

from application.ports.clock import Clock
from application.ports.unit_of_work import UnitOfWorkFactory
from domain.audit_event import AuditEvent
from domain.identifiers import SessionId, UserId
from domain.visitor import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeSessionsCommand:
    """Whose sessions to end.

    Attributes:
        session_id: The one to end; None ends them all.
    """

    user_id: UserId
    session_id: SessionId | None
    visitor: Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionsRevoked:
    """Which sessions this call ended."""

    session_ids: tuple[SessionId, ...]


@final
class RevokeSessions:
    """Ends one session or all, with effect on every validation that begins afterwards."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def execute(self, command: RevokeSessionsCommand) -> SessionsRevoked:
        """Revoke, in one transaction with its audit. Ending what has ended changes nothing.

        Raises:
            UnavailableError: Storage did not answer; nothing was acknowledged.
        """
        now = self._clock.now()
        async with self._unit_of_work() as work:
            # IssueSession holds the same row, so no session slips in between.
            await work.users.lock(command.user_id)
            ended: list[SessionId] = []
            if command.session_id is None:
                ended = await work.sessions.revoke_all(command.user_id, now=now)
                event = AuditEvent.logout_all(
                    command.user_id, count=len(ended), visitor=command.visitor, now=now
                )
                await work.audit.append(event)
            elif await work.sessions.revoke(command.user_id, command.session_id, now=now):
                ended = [command.session_id]
                event = AuditEvent.logout(
                    command.user_id, command.session_id, visitor=command.visitor, now=now
                )
                await work.audit.append(event)
            await work.commit()
        return SessionsRevoked(session_ids=tuple(ended))
