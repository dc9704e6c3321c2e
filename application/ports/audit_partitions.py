"""Port: the months of the audit trail, inside one unit of work."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.audit_seal import BatchesExported, DroppedMonth


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthStanding:
    """How far a month of the trail has come.

    Attributes:
        rows: Rows that are there.
        unsealed: Of these, how many no batch holds.
        unexported: Batches of the month that are in none of the exports that count.
        last_batch: Number of its newest batch; 0 when it has none.
    """

    rows: int
    unsealed: int
    unexported: int
    last_batch: int


class AuditPartitions(Protocol):
    """Each method raises UnavailableError when the store does not answer."""

    @abstractmethod
    async def make_ahead(self) -> int:
        """Make room for this month and the next three; for how many there was none."""

    @abstractmethod
    async def months(self) -> Sequence[str]:
        """The months that can be dropped as a whole, oldest first."""

    @abstractmethod
    async def hold(self, month: str) -> None:
        """Let nobody add to a month until the unit ends.

        Raises:
            ForbiddenError: This takes the rights of the store's owner.
        """

    @abstractmethod
    async def standing(self, month: str, exports: Sequence[BatchesExported]) -> MonthStanding:
        """How far a month has come.

        Args:
            month: Such as ``2026-01``.
            exports: Those that count.
        """

    @abstractmethod
    async def note_export(self, exported: BatchesExported) -> None:
        """Note that batches were handed on."""

    @abstractmethod
    async def exports(self) -> Sequence[BatchesExported]:
        """What is noted, in no order; whether a holder of the key noted it is not looked at.

        Notes without a MAC are left out, and so are those of a time that cannot be.
        """

    @abstractmethod
    async def drop(self, dropped: DroppedMonth) -> None:
        """Remove the rows and leaves of a month for good, and note that; the headers stay.

        Raises:
            ForbiddenError: This takes the rights of the store's owner.
        """
