"""Use case: an operator lets a user in, or no longer."""

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
class SetUserActiveCommand:
    """Whom, and whether they may sign in from now on.

    Attributes:
        reason: The operator's own code for it, kept in the audit.
        is_dry_run: Undo it all, so that only the number is left.
    """

    user_id: UserId
    is_active: bool
    reason: str
    is_dry_run: bool = False


@final
class SetUserActive:
    """Disabling ends every session of the user with effect on the next request."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def execute(self, command: SetUserActiveCommand) -> int:
        """Change it, in one transaction with its audit; how many sessions ended.

        Raises:
            NotFoundError: No such user; the audit keeps the attempt.
            UnavailableError: Storage did not answer; nothing was acknowledged.
        """
        now = self._clock.now()
        async with self._unit_of_work() as work:
            if await work.users.lock(command.user_id) is None:
                verb = "user_enable" if command.is_active else "user_disable"
                await refuse_unknown(
                    work, verb, now=now, user_id=command.user_id, is_dry_run=command.is_dry_run
                )
            await work.users.set_active(command.user_id, is_active=command.is_active, now=now)
            ended = 0
            event_type = AuditEventType.USER_ENABLED
            if not command.is_active:
                event_type = AuditEventType.USER_DISABLED
                revocation = Revocation(at=now, by=RevokedBy.OPERATOR, reason=command.reason)
                ended = len(await work.sessions.revoke_all(command.user_id, revocation))
            event = AuditEvent.of_user(
                event_type,
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
