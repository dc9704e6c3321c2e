"""Use case: an operator retires a client's previous credential."""

from dataclasses import dataclass
from typing import final

from application.ports.clock import Clock
from application.ports.unit_of_work import UnitOfWorkFactory
from application.refused_commands import refuse_unknown
from domain.audit_event import AuditEvent, AuditEventType
from domain.service_client import ClientId
from domain.visitor import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class RetireClientCredentialCommand:
    """The client that keeps only its newest credential."""

    client_id: ClientId


@final
class RetireClientCredential:
    """Refuses every credential but the newest from the client's next request on."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def execute(self, command: RetireClientCredentialCommand) -> bool:
        """Retires the previous credential. Returns False if there is none.

        Raises:
            NotFoundError: There is no such client. The audit trail records the attempt.
            UnavailableError: The store did not answer. Nothing was acknowledged.
        """
        now = self._clock.now()
        async with self._unit_of_work() as work:
            client = await work.service_clients.lock(command.client_id)
            if client is None:
                await refuse_unknown(work, "client_retire", now=now, client=str(command.client_id))
            retired = client.retired()
            if retired == client:
                return False
            await work.service_clients.save(retired)
            event = AuditEvent.of_service(
                AuditEventType.CLIENT_CREDENTIAL_RETIRED,
                visitor=Visitor(),
                now=now,
                client=str(client.id),
                method=client.method.value,
            )
            await work.audit.append(event)
            await work.commit()
        return True
