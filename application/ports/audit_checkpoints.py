"""Port: where checkpoints of the audit trail are told, out of reach of the store's owner."""

from abc import abstractmethod
from typing import Protocol

from domain.audit_seal import SealedBatch


class AuditCheckpoints(Protocol):
    """Tells whoever listens how far the trail has been sealed."""

    @abstractmethod
    async def tell(self, batch: SealedBatch) -> None:
        """Tell of one sealed batch, as one line of JSON (``SealedBatch.to_record``).

        Raises:
            CheckpointUntoldError: It could not be told; tell it again later.
        """
