"""Use case: an operator looks at a page of the console that concerns nobody in particular."""

from enum import StrEnum
from typing import final

from application.ports.clock import Clock
from application.ports.unit_of_work import UnitOfWorkFactory
from domain.audit_event import AuditEvent, AuditEventType
from domain.visitor import Visitor


class ConsolePage(StrEnum):
    """A page whose own use case records nothing. The values are stored in the audit trail."""

    BOARD = "board"
    CLIENTS = "clients"
    DOCTOR = "doctor"


@final
class RecordLook:
    """Records who looked at what. Looks at a person are recorded by what shows the person."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def execute(self, page: ConsolePage) -> None:
        """Adds the event to the audit trail.

        Raises:
            UnavailableError: Storage did not answer.
        """
        event = AuditEvent.of_service(
            AuditEventType.CONSOLE_SHOWN, visitor=Visitor(), now=self._clock.now(), page=page.value
        )
        async with self._unit_of_work() as work:
            await work.audit.append(event)
            await work.commit()
