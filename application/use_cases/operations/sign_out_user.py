"""Use case: an operator ends every session of a user, who can sign in again at once."""

from dataclasses import dataclass
from typing import final

from application.ports.clock import Clock
from application.ports.unit_of_work import UnitOfWorkFactory
from application.refused_commands import refuse_unknown
from domain.audit_event import AuditEvent, AuditEventType
from domain.identifiers import UserId
from domain.revocation import Revocation, RevokedBy
from domain.visitor import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOutUserCommand:
    """The user to sign out.

    Attributes:
        reason: The operator's own code, kept in the audit trail.
        is_dry_run: Only count the sessions that would end.
    """

    user_id: UserId
    reason: str
    is_dry_run: bool = False


@final
class SignOutUser:
    """Ends the sessions. Every validation that starts afterwards fails."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def execute(self, command: SignOutUserCommand) -> int:
        """Ends the sessions and returns how many there were. Audited in the transaction.

        Raises:
            NotFoundError: There is no such user. The audit trail records the attempt.
            UnavailableError: The store did not answer. Nothing was acknowledged.
        """
        now = self._clock.now()
        revocation = Revocation(at=now, by=RevokedBy.OPERATOR, reason=command.reason)
        async with self._unit_of_work() as work:
            # IssueSession locks the same row, so no new session can be missed.
            if await work.users.lock(command.user_id) is None:
                await refuse_unknown(
                    work,
                    "user_sign_out",
                    now=now,
                    user_id=command.user_id,
                    is_dry_run=command.is_dry_run,
                )
            ended = len(await work.sessions.revoke_all(command.user_id, revocation))
            event = AuditEvent.of_user(
                AuditEventType.LOGOUT_BY_OPERATOR,
                command.user_id,
                visitor=Visitor(),
                now=now,
                reason=command.reason,
                sessions=ended,
            )
            await work.audit.append(event)
            if not command.is_dry_run:
                await work.commit()
        return ended
