"""The stored audit trail with its seals, in memory."""

from collections.abc import Sequence
from typing import final

from adapters.memory.audit_seals import content_of
from adapters.memory.store import MemoryStore
from application.ports.sealed_trail import (
    LeafPlace,
    LoosePage,
    LooseRow,
    OrphanLeaf,
    SealedTrail,
    StoredBatch,
    StoredLeaf,
    StoredRow,
    TrailSize,
)
from domain.audit_retention import DroppedMonth
from domain.trail_row import Horizon, Place


@final
class MemorySealedTrail(SealedTrail):
    """Reads only committed data, even while a unit of work is open."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def size(self) -> TrailSize:
        tables = self._store.committed
        rows = sum(len(leaves) for leaves in tables.audit_leaves.values())
        return TrailSize(batches=len(tables.audit_batches), rows=rows)

    async def batches(self, *, after: int | None, limit: int) -> Sequence[StoredBatch]:
        batches = self._store.committed.audit_batches
        return [
            StoredBatch(sealed=batches[number], noted_hash=batches[number].hash)
            for number in sorted(batches)
            if after is None or number > after
        ][:limit]

    async def number_of(self, noted_hash: bytes) -> int | None:
        batches = self._store.committed.audit_batches.values()
        return next((each.header.number for each in batches if each.hash == noted_hash), None)

    async def drops(self) -> Sequence[DroppedMonth]:
        return list(self._store.committed.audit_drops.values())

    async def leaves(self, batch: StoredBatch, *, limit: int) -> Sequence[StoredLeaf]:
        tables = self._store.committed
        leaves = tables.audit_leaves.get(batch.sealed.header.number, ())
        return [
            StoredLeaf(
                position=position,
                transaction=leaf.place.transaction,
                row=leaf.place.row,
                hash=leaf.hash,
                tag=leaf.tag,
                rows=[self._row(leaf.place.row)],
            )
            for position, leaf in enumerate(leaves[:limit])
        ]

    async def orphans(self, *, after: LeafPlace | None, limit: int) -> Sequence[OrphanLeaf]:
        return [leaf for leaf in self._orphans() if after is None or leaf.place > after][:limit]

    async def horizon(self, newest: StoredBatch) -> Horizon:
        return Horizon(place=newest.sealed.header.horizon)

    async def loose(self, *, after: Place | None, horizon: Horizon | None, limit: int) -> LoosePage:
        tables = self._store.committed
        begin = 0 if after is None else after.row
        numbers = range(begin + 1, len(tables.audit) + 1)[:limit]
        orphans = {leaf.row: leaf for leaf in self._orphans()}
        sealed = {leaf.place.row for leaves in tables.audit_leaves.values() for leaf in leaves}
        return LoosePage(
            looked_at=len(numbers),
            loose=[
                LooseRow(
                    row=number,
                    orphan=orphans.get(number),
                    is_passed=horizon is not None and number <= horizon.place.row,
                )
                for number in numbers
                if number in orphans or (number not in sealed and number not in tables.audit_gone)
            ],
            last=Place(transaction=0, row=numbers[-1]) if len(numbers) == limit else None,
        )

    def _orphans(self) -> list[OrphanLeaf]:
        tables = self._store.committed
        return [
            OrphanLeaf(
                place=LeafPlace(batch=number, position=position),
                row=leaf.place.row,
                hash=leaf.hash,
                tag=leaf.tag,
            )
            for number in sorted(tables.audit_leaves)
            if number not in tables.audit_batches
            for position, leaf in enumerate(tables.audit_leaves[number])
        ]

    def _row(self, number: int) -> StoredRow:
        event = self._store.committed.audit[number - 1]
        return StoredRow(
            content=content_of(event, number),
            transaction=0,
            user_id=event.user_id,
            occurred_at=event.occurred_at,
        )
