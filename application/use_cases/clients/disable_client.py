"""Use case: an operator shuts a back end out."""

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
    """Which client.

    Attributes:
        reason: The operator's own code for it, kept in the audit.
    """

    client_id: ClientId
    reason: str


@final
class DisableClient:
    """Refuses a client from its next request on, for good. Its name stays, for the Veterans."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def execute(self, command: DisableClientCommand) -> bool:
        """Disable, in one transaction with its audit; False when it was disabled before.

        Raises:
            NotFoundError: No such client; the audit keeps the attempt.
            UnavailableError: Storage did not answer; nothing was acknowledged.
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
