"""Port: the audit trail, for reading it."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from domain.audit_record import AuditFilter, AuditMark, AuditRecord


class AuditHistory(Protocol):
    """The trail as last committed; one read, no transaction."""

    @abstractmethod
    async def list(
        self, wanted: AuditFilter, *, after: AuditMark | None, limit: int
    ) -> Sequence[AuditRecord]:
        """Up to ``limit`` of the wanted events, newest first, from behind ``after`` on.

        Events of types that this version does not know are passed over.

        Raises:
            UnavailableError: The store did not answer.
        """
