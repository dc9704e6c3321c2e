"""Port: the seals of the audit trail, inside one unit of work."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from domain.audit_seal import SealedBatch, SealedLeaf
from domain.trail_row import UnsealedRows


class AuditSeals(Protocol):
    """The sealed batches. Batches are only added, never changed."""

    @abstractmethod
    async def take_turn(self) -> bool:
        """Whether this unit may seal. Only one unit at a time may, until it ends.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def newest(self) -> SealedBatch | None:
        """Returns the newest batch, or None before the first one.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def unsealed(self, *, after: SealedBatch | None, limit: int) -> UnsealedRows | None:
        """Returns up to ``limit`` rows of one month to seal next, or None if there are none.

        Rows come in the order of their transactions, and none is skipped: a row is returned only
        after all transactions that could add a row before it have ended.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def add(self, batch: SealedBatch, leaves: Sequence[SealedLeaf]) -> None:
        """Adds a batch with its leaves in order.

        Raises:
            ConflictError: The batch number exists, or a row is already sealed; raised here or
                at commit.
            UnavailableError: The store did not answer; raised here or at commit.
        """
