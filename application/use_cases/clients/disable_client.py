"""Use case: an operator disables a client."""

from dataclasses import dataclass
from typing import final

from application.ports.clock import Clock
from application.ports.unit_of_work import UnitOfWorkFactory
from application.refused_commands import refuse_unknown
from domain.audit_event import AuditEvent, AuditEventType
from domain.service_client import ClientId
from domain.visitor import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class DisableClientCommand:
    """The client to disable.

    Attributes:
        reason: The operator's own code, kept in the audit trail.
    """

    client_id: ClientId
    reason: str


@final
class DisableClient:
    """Refuses the client from its next request on, for good. Its name is kept for histories."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def execute(self, command: DisableClientCommand) -> bool:
        """Disables the client. Returns False if it already was. Audited in the transaction.

        Raises:
            NotFoundError: There is no such client. The audit trail records the attempt.
            UnavailableError: The store did not answer. Nothing was acknowledged.
        """
        now = self._clock.now()
        async with self._unit_of_work() as work:
            client = await work.service_clients.lock(command.client_id)
            if client is None:
                await refuse_unknown(work, "client_disable", now=now, client=str(command.client_id))
            if client.disabled_at is not None:
                return False
            await work.service_clients.save(client.disabled(now))
            event = AuditEvent.of_service(
                AuditEventType.CLIENT_DISABLED,
                visitor=Visitor(),
                now=now,
                client=str(client.id),
                reason=command.reason,
            )
            await work.audit.append(event)
            await work.commit()
        return True
