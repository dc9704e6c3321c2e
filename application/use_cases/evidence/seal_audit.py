"""Use case: seal the new events of the audit trail."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from application.errors import CheckpointUntoldError
from application.ports.audit_checkpoints import AuditCheckpoints
from application.ports.clock import Clock
from application.ports.seal_keys import SealKeys
from application.ports.unit_of_work import UnitOfWorkFactory
from domain.audit_seal import MAX_ROWS, BatchHeader, SealedBatch, SealedLeaf, tagged
from domain.merkle_tree import leaf_hash
from domain.trail_row import TrailRow


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSealed:
    """How much was sealed."""

    batches: int
    rows: int


@final
class SealAudit:
    """Seals batch after batch until no unsealed events are left.

    Each batch is one transaction, so a killed process loses no finished batch. Several processes
    can run it: only one seals at a time.
    """

    def __init__(
        self,
        *,
        unit_of_work: UnitOfWorkFactory,
        keys: SealKeys,
        checkpoints: AuditCheckpoints,
        clock: Clock,
        batch_limit: int = MAX_ROWS,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._keys = keys
        self._checkpoints = checkpoints
        self._clock = clock
        self._batch_limit = batch_limit
        # Whether this process has written a checkpoint of the newest batch. One that died after
        # a commit may not have done so, so each new process repeats the newest checkpoint.
        self._is_told = False

    async def execute(self) -> AuditSealed:
        """Seals everything that can be sealed, and writes a checkpoint of each batch.

        Raises:
            CheckpointUntoldError: A checkpoint could not be written. Everything is sealed anyway.
                The next run writes the newest checkpoint, which covers the earlier ones.
            UnavailableError: The store did not answer. Sealed batches stay sealed.
        """
        batches = rows = 0
        untold: CheckpointUntoldError | None = None
        is_told, self._is_told = self._is_told, False
        while (batch := await self._seal_next()) is not None:
            batches += 1
            rows += batch.header.count
            if untold is None:
                untold = await self._tell(batch)
        if not is_told and not batches:
            async with self._unit_of_work() as work:
                newest = await work.audit_seals.newest()
            untold = None if newest is None else await self._tell(newest)
        if untold is not None:
            raise untold
        self._is_told = True
        return AuditSealed(batches=batches, rows=rows)

    async def _tell(self, batch: SealedBatch) -> CheckpointUntoldError | None:
        """Writes the checkpoint of a sealed batch. Returns the error if that fails."""
        try:
            await self._checkpoints.tell(batch)
        except CheckpointUntoldError as error:
            return error
        return None

    async def _seal_next(self) -> SealedBatch | None:
        async with self._unit_of_work() as work:
            if not await work.audit_seals.take_turn():
                return None
            previous = await work.audit_seals.newest()
            unsealed = await work.audit_seals.unsealed(after=previous, limit=self._batch_limit)
            if unsealed is None:
                return None
            hashes = [leaf_hash(row.content) for row in unsealed.rows]
            header = BatchHeader.over(
                unsealed,
                hashes,
                previous=previous,
                now=self._clock.now(),
                key_id=self._keys.key_id,
            )
            batch = SealedBatch(header=header, mac=self._keys.authenticate(header.encoded()))
            await work.audit_seals.add(batch, self._leaves(batch, unsealed.rows, hashes))
            await work.commit()
            return batch

    def _leaves(
        self, batch: SealedBatch, rows: Sequence[TrailRow], hashes: Sequence[bytes]
    ) -> list[SealedLeaf]:
        number = batch.header.number
        return [
            SealedLeaf(
                place=row.place,
                hash=leaf,
                tag=self._keys.tag(tagged(number, row.place.row, leaf)),
            )
            for row, leaf in zip(rows, hashes, strict=True)
        ]
