"""Port: reading the audit trail."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from domain.audit_record import AuditFilter, AuditMark, AuditRecord


class AuditHistory(Protocol):
    """The committed events of the audit trail. Each call is one read without a transaction."""

    @abstractmethod
    async def list(
        self, wanted: AuditFilter, *, after: AuditMark | None, limit: int
    ) -> Sequence[AuditRecord]:
        """Returns up to ``limit`` matching rows that come after ``after``, newest first.

        It never skips a row. Values that can't be represented are returned as closely as possible.

        Raises:
            UnavailableError: The store did not answer.
        """
