"""Use case: an operator signs out of the console."""

from typing import final

from application.ports.clock import Clock
from application.ports.unit_of_work import OperatorUnitOfWorkFactory
from domain.audit_event import AuditEvent, AuditEventType
from domain.operator import Operator
from domain.visitor import Visitor


@final
class SignOutOperator:
    """Records it. The session itself is kept and ended by the console."""

    def __init__(self, *, unit_of_work: OperatorUnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def execute(self, operator: Operator, visitor: Visitor) -> None:
        """Adds the event to the audit trail.

        Raises:
            UnavailableError: Storage did not answer.
        """
        event = AuditEvent.of_service(
            AuditEventType.OPERATOR_SIGNED_OUT, visitor=visitor, now=self._clock.now()
        )
        async with self._unit_of_work(operator.name) as work:
            await work.audit.append(event)
            await work.commit()
