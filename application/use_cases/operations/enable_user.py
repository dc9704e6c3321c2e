"""Use case: an operator enables a user again."""

from dataclasses import dataclass
from typing import final

from application.ports.clock import Clock
from application.ports.unit_of_work import UnitOfWorkFactory
from application.refused_commands import refuse_unknown
from domain.audit_event import AuditEvent, AuditEventType
from domain.identifiers import UserId
from domain.visitor import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class EnableUserCommand:
    """The user to enable.

    Attributes:
        reason: The operator's own code, kept in the audit trail.
    """

    user_id: UserId
    reason: str


@final
class EnableUser:
    """Lets a disabled user sign in again. Sessions that ended don't come back."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def execute(self, command: EnableUserCommand) -> None:
        """Enables the user. Audited in the transaction.

        Raises:
            NotFoundError: There is no such user. The audit trail records the attempt.
            UnavailableError: The store did not answer. Nothing was acknowledged.
        """
        now = self._clock.now()
        async with self._unit_of_work() as work:
            if await work.users.lock(command.user_id) is None:
                await refuse_unknown(work, "user_enable", now=now, user_id=command.user_id)
            await work.users.set_active(command.user_id, is_active=True, now=now)
            event = AuditEvent.of_user(
                AuditEventType.USER_ENABLED,
                command.user_id,
                visitor=Visitor(),
                now=now,
                reason=command.reason,
                sessions=0,
            )
            await work.audit.append(event)
            await work.commit()
