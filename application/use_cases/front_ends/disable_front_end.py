"""Use case: an operator disables a front end."""

from dataclasses import dataclass
from typing import final

from application.ports.clock import Clock
from application.ports.unit_of_work import UnitOfWorkFactory
from application.refused_commands import refuse_unknown
from domain.audit_event import AuditEvent, AuditEventType
from domain.errors import InvalidFrontEndError
from domain.front_end import SETTINGS_FRONT_END, FrontEndId
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
        if command.front_end_id == SETTINGS_FRONT_END:
            raise InvalidFrontEndError("the settings describe this front end: change them")
        now = self._clock.now()
        async with self._unit_of_work() as work:
            front_end = await work.front_ends.lock(command.front_end_id)
            if front_end is None:
                await refuse_unknown(
                    work,
                    "front_end_disable",
                    now=now,
                    is_dry_run=command.is_dry_run,
                    front_end=str(command.front_end_id),
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
