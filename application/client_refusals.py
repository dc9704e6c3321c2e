"""Refuses back ends, and records that in the audit trail."""

from typing import NoReturn, final

from application.errors import ClientRefusedError, TooManyRefusalsError
from application.ports.clock import Clock
from application.ports.refusal_limit import RefusalLimit
from application.ports.unit_of_work import UnitOfWorkFactory
from domain.audit_event import AuditEvent, AuditEventType
from domain.visitor import Visitor


@final
class ClientRefusals:
    """Records each refusal in a transaction of its own, up to a limit for each address."""

    def __init__(
        self, *, unit_of_work: UnitOfWorkFactory, limit: RefusalLimit, clock: Clock
    ) -> None:
        self._unit_of_work = unit_of_work
        self._limit = limit
        self._clock = clock

    async def refuse(self, refusal: ClientRefusedError, visitor: Visitor) -> NoReturn:
        """Records the refusal, then raises it.

        Raises:
            ClientRefusedError: The given one.
            TooManyRefusalsError: The visitor's address was refused too often. This refusal isn't
                recorded.
            UnavailableError: The store did not answer. The refusal isn't recorded.
        """
        if not self._limit.allows(visitor.address_hash):
            raise TooManyRefusalsError(refusal.reason, refusal.client_id)
        known = {} if refusal.client_id is None else {"client": str(refusal.client_id)}
        event = AuditEvent.of_service(
            AuditEventType.CLIENT_REFUSED,
            visitor=visitor,
            now=self._clock.now(),
            reason=refusal.reason,
            **known,
        )
        async with self._unit_of_work() as work:
            await work.audit.append(event)
            await work.commit()
        raise refusal
