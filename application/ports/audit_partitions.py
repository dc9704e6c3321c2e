"""Port: the months of the audit trail, inside one unit of work."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.audit_retention import BatchesExported, DroppedMonth


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthStanding:
    """The state of one month of the audit trail.

    Attributes:
        rows: Number of stored rows.
        unsealed: How many of these rows no batch contains.
        unexported: Number of batches that none of the given exports contains.
        last_batch: Number of its newest batch, or 0 if it has none.
    """

    rows: int
    unsealed: int
    unexported: int
    last_batch: int


class AuditPartitions(Protocol):
    """The months. Each method raises UnavailableError if the store did not answer."""

    @abstractmethod
    async def make_ahead(self) -> int:
        """Creates the missing partitions of this month and the next three. Returns how many."""

    @abstractmethod
    async def months(self) -> Sequence[str]:
        """Returns the months that can be dropped as a whole, oldest first."""

    @abstractmethod
    async def hold(self, month: str) -> None:
        """Locks a month against new rows until the unit ends.

        Raises:
            ForbiddenError: Only the store's owner can do this.
        """

    @abstractmethod
    async def standing(self, month: str, exports: Sequence[BatchesExported]) -> MonthStanding:
        """Returns the state of a month.

        Args:
            month: Such as ``2026-01``.
            exports: The exports to take into account.
        """

    @abstractmethod
    async def note_export(self, exported: BatchesExported) -> None:
        """Records that batches were exported."""

    @abstractmethod
    async def exports(self) -> Sequence[BatchesExported]:
        """Returns the recorded exports, in no particular order. Their MACs aren't verified.

        Exports without a MAC, or with a time that Python can't represent, are left out.
        """

    @abstractmethod
    async def drop(self, dropped: DroppedMonth) -> None:
        """Drops the rows and leaves of a month and records that. The headers stay.

        Raises:
            ForbiddenError: Only the store's owner can do this.
        """
