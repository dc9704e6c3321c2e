"""Use case: an operator ends one session of a user."""

from dataclasses import dataclass
from typing import final

from application.ports.clock import Clock
from application.ports.unit_of_work import UnitOfWorkFactory
from application.refused_commands import refuse_unknown
from domain.audit_event import AuditEvent, AuditEventType
from domain.identifiers import SessionId, UserId
from domain.revocation import Revocation, RevokedBy
from domain.visitor import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSessionCommand:
    """The session to end, and whose it is.

    Attributes:
        reason: The operator's own code, kept in the audit trail.
        is_dry_run: Only find out whether the session would end.
    """

    user_id: UserId
    session_id: SessionId
    reason: str
    is_dry_run: bool = False


@final
class EndSession:
    """Ends the session. Every validation that starts afterwards fails."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def execute(self, command: EndSessionCommand) -> bool:
        """Ends the session and returns True, or False if it had ended. Audited in both cases.

        Raises:
            NotFoundError: The user has no such session. The audit trail records the attempt.
            UnavailableError: The store did not answer. Nothing was acknowledged.
        """
        now = self._clock.now()
        async with self._unit_of_work() as work:
            session = await work.sessions.lock(command.user_id, command.session_id)
            if session is None:
                await refuse_unknown(
                    work,
                    "user_end_session",
                    now=now,
                    user_id=command.user_id,
                    is_dry_run=command.is_dry_run,
                    session_id=str(command.session_id),
                )
            is_ending = not session.is_beyond_renewal(now)
            if is_ending:
                revocation = Revocation(at=now, by=RevokedBy.OPERATOR, reason=command.reason)
                await work.sessions.revoke(command.user_id, command.session_id, revocation)
                event = AuditEvent.of_session(
                    AuditEventType.SESSION_ENDED_BY_OPERATOR,
                    command.user_id,
                    command.session_id,
                    visitor=Visitor(),
                    now=now,
                    reason=command.reason,
                )
            else:
                event = AuditEvent.command_refused(
                    "user_end_session",
                    reason="already_ended",
                    now=now,
                    user_id=command.user_id,
                    session_id=str(command.session_id),
                )
            await work.audit.append(event)
            if not command.is_dry_run:
                await work.commit()
        return is_ending
