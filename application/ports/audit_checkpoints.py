"""Port: checkpoints of the audit trail, written where the store's owner can't change them."""

from abc import abstractmethod
from typing import Protocol

from domain.audit_seal import SealedBatch


class AuditCheckpoints(Protocol):
    """Publishes how far the audit trail is sealed."""

    @abstractmethod
    async def tell(self, batch: SealedBatch) -> None:
        """Writes one sealed batch as one line of JSON (``SealedBatch.to_record``).

        Raises:
            CheckpointUntoldError: The checkpoint could not be written. Try again later.
        """
