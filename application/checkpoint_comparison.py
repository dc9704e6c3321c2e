"""Compares the stored batches with checkpoints from outside the store."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import final

from application.ports.seal_keys import SealKeys
from application.ports.sealed_trail import StoredBatch
from domain.audit_finding import AuditFinding, FindingKind
from domain.audit_seal import SealedBatch, SelfContradictionError


@final
class CheckpointComparison:
    """Holds the hashes of the checkpoints until their batches have been compared.

    Attributes:
        compared: Number of batches that were compared with a checkpoint.
    """

    def __init__(self, keys: SealKeys) -> None:
        self._keys = keys
        self._hashes: defaultdict[int, set[bytes]] = defaultdict(set)
        self.compared = 0

    def read(
        self, checkpoints: Iterable[SealedBatch | SelfContradictionError]
    ) -> Iterator[AuditFinding]:
        """Takes in the authentic checkpoints, and reports the others."""
        for checkpoint in checkpoints:
            if isinstance(checkpoint, SelfContradictionError):
                yield AuditFinding(
                    kind=FindingKind.CHECKPOINT_FORGED,
                    batch=checkpoint.batch,
                    detail="this checkpoint doesn't match its own hash, so it was ignored",
                )
                continue
            header = checkpoint.header
            is_authentic = self._keys.is_authentic(
                header.encoded(), checkpoint.mac, key_id=header.key_id
            )
            # A checkpoint under an unavailable key is compared: it must still match the store.
            if header.number < 1 or (self._keys.knows(header.key_id) and not is_authentic):
                yield AuditFinding(
                    kind=FindingKind.CHECKPOINT_FORGED,
                    batch=header.number,
                    detail="this checkpoint wasn't made with an audit key, so it was ignored",
                )
            else:
                self._hashes[header.number].add(checkpoint.hash)

    def compare(self, batch: StoredBatch) -> Iterator[AuditFinding]:
        """Compares a stored batch with its checkpoints, if there are any."""
        number = batch.sealed.header.number
        hashes = self._hashes.pop(number, set())
        self.compared += bool(hashes)
        if hashes - {batch.sealed.hash}:
            yield AuditFinding(
                kind=FindingKind.HISTORY_REWRITTEN,
                batch=number,
                detail="an outside checkpoint has another batch of this number",
            )

    def beyond(self, newest: StoredBatch | None) -> Iterator[AuditFinding]:
        """Reports that the trail ends before the newest checkpoint, if it does."""
        last = 0 if newest is None else newest.sealed.header.number
        newest_checkpoint = max(self._hashes, default=0)
        if newest_checkpoint > last:
            yield AuditFinding(
                kind=FindingKind.TAIL_CUT,
                batch=newest_checkpoint,
                detail=f"an outside checkpoint has it, but the trail ends with batch {last}",
            )
