"""Port: the audit trail, inside one unit of work."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from domain.audit_event import AuditEvent
from domain.identifiers import UserId


class AuditTrail(Protocol):
    """Takes events; they stand when the unit commits, together with what they tell of."""

    @abstractmethod
    async def append(self, event: AuditEvent) -> None:
        """Add one event, with its visitor as ``as_recorded`` says.

        Where an operator runs this process, the event names them, whatever its visitor says.

        Raises:
            UnavailableError: The store did not answer; raised here or at commit.
        """

    @abstractmethod
    async def list_for(self, user_id: UserId) -> Sequence[AuditEvent]:
        """The user's events, oldest first.

        Raises:
            UnavailableError: The store did not answer.
        """
