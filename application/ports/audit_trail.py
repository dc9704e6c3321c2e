"""Port: the audit trail, inside one unit of work."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from domain.audit_event import AuditEvent
from domain.identifiers import UserId


class AuditTrail(Protocol):
    """The audit events. They are committed together with the changes that they describe."""

    @abstractmethod
    async def append(self, event: AuditEvent) -> None:
        """Adds one event, with its visitor as returned by ``as_recorded``.

        If an operator runs this process, the event names the operator, even if its visitor
        names another one.

        Raises:
            UnavailableError: The store did not answer; raised here or at commit.
        """

    @abstractmethod
    async def list_for(self, user_id: UserId) -> Sequence[AuditEvent]:
        """Returns the user's events, oldest first.

        Raises:
            UnavailableError: The store did not answer.
        """
