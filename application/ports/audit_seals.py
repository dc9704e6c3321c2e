"""Port: the seals of the audit trail, inside one unit of work."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from domain.audit_seal import SealedBatch, SealedLeaf, UnsealedRows


class AuditSeals(Protocol):
    """Takes sealed batches. They are only ever added."""

    @abstractmethod
    async def take_turn(self) -> bool:
        """Whether this unit may seal; of several at once one may, until it ends.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def newest(self) -> SealedBatch | None:
        """The newest batch, or None before the first.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def unsealed(self, *, after: SealedBatch | None, limit: int) -> UnsealedRows | None:
        """The next rows to seal, of one month, at most ``limit``; None when there are none.

        Rows come in the order in which they were written, and none is ever passed over: a row
        comes only once no other that is still to be committed can belong before it.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def add(self, batch: SealedBatch, leaves: Sequence[SealedLeaf]) -> None:
        """Add a batch with its leaves in order.

        Raises:
            ConflictError: There is a batch of this number, or a row is sealed; raised here or
                at commit.
            UnavailableError: The store did not answer; raised here or at commit.
        """
