"""Use case: an operator disables a front end."""

from dataclasses import dataclass
from typing import final

from application.front_end_to_change import front_end_to_change
from application.ports.clock import Clock
from application.ports.unit_of_work import UnitOfWorkFactory
from domain.audit_event import AuditEvent, AuditEventType
from domain.front_end import FrontEndId
from domain.visitor import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class DisableFrontEndCommand:
    """The front end to disable.

    Attributes:
        reason: The operator's own code, kept in the audit trail.
        is_dry_run: Whether to say what would be done, and do nothing.
    """

    front_end_id: FrontEndId
    reason: str
    is_dry_run: bool = False


@final
class DisableFrontEnd:
    """Lets nobody sign in from the front end anymore, for good.

    A sign-in that is in progress either opens its session before this returns, or not at all. Its
    sessions aren't renewed. Its name is kept for histories.
    """

    def __init__(self, *, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def execute(self, command: DisableFrontEndCommand) -> bool:
        """Disables the front end. Returns False if it already was. Audited in the transaction.

        Raises:
            NotFoundError: There is no such front end. The audit trail records the attempt.
            InvalidFrontEndError: The settings describe it.
            UnavailableError: The store did not answer. Nothing was acknowledged.
        """
        now = self._clock.now()
        async with self._unit_of_work() as work:
            front_end = await front_end_to_change(
                work,
                "front_end_disable",
                command.front_end_id,
                now=now,
                is_dry_run=command.is_dry_run,
            )
            if not front_end.is_enabled:
                return False
            await work.front_ends.save(front_end.disabled(now))
            event = AuditEvent.of_service(
                AuditEventType.FRONT_END_DISABLED,
                visitor=Visitor(),
                now=now,
                reason=command.reason,
                front_end=str(front_end.id),
            )
            await work.audit.append(event)
            if not command.is_dry_run:
                await work.commit()
        return True
