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
        """Up to ``limit`` of the wanted rows, newest first, from behind ``after`` on.

        Whatever is stored there is told as far as it can be, and passed over never.

        Raises:
            UnavailableError: The store did not answer.
        """
