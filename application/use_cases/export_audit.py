"""Use case: hand on the audit trail with proofs that need no database."""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, final

from application.errors import AuditBrokenError
from application.ports.sealed_trail import SealedTrail, StoredBatch, StoredLeaf, StoredRow
from domain.audit_seal import month_bounds
from domain.identifiers import UserId
from domain.merkle_tree import MerkleTree, leaf_hash

#: Batches of one read.
PAGE: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportAuditCommand:
    """What to hand on, and where to.

    Attributes:
        since, until: Instants (UTC) between which a row was written; None: no bound. ``until``
            itself is outside.
        user_id: Whose rows; None: everybody's.
        write: Takes one line after the other, without its end.
        on_rows: Told of so many more rows that were looked at.
    """

    since: datetime | None = None
    until: datetime | None = None
    user_id: UserId | None = None
    write: Callable[[str], object]
    on_rows: Callable[[int], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditExported:
    """How much was handed on."""

    rows: int
    batches: int


@final
class ExportAudit:
    """Writes rows with their audit paths, and every batch header from the first row's on.

    The headers lead from a row's batch to any later checkpoint (docs/audit.md has the format).
    Rows that are not sealed yet are not exported.
    """

    def __init__(self, *, trail: SealedTrail) -> None:
        self._trail = trail

    async def rows_to_look_at(self) -> int:
        """About how many rows ``on_rows`` will be told of.

        Raises:
            UnavailableError: The store did not answer.
        """
        return (await self._trail.size()).rows

    async def execute(self, command: ExportAuditCommand) -> AuditExported:
        """Write the lines.

        Raises:
            AuditBrokenError: A batch is not as it was sealed; verify the trail.
            UnavailableError: The store did not answer.
        """
        rows = batches = 0
        async for batch in self._batches():
            found = []
            if _may_hold_rows(batch, command):
                found = await self._proofs(batch, command)
            command.on_rows(batch.sealed.header.count)
            rows += len(found)
            for proof in found:
                command.write(_line("row", batch, proof))
            # Headers before the first row lead nowhere.
            if rows:
                batches += 1
                command.write(_line("batch", batch, {}))
        return AuditExported(rows=rows, batches=batches)

    async def _batches(self) -> AsyncIterator[StoredBatch]:
        after = 0
        while page := await self._trail.batches(after=after, limit=PAGE):
            for batch in page:
                yield batch
            after = page[-1].sealed.header.number

    async def _proofs(
        self, batch: StoredBatch, command: ExportAuditCommand
    ) -> list[dict[str, Any]]:
        header = batch.sealed.header
        leaves = await self._trail.leaves(batch, limit=header.count + 1)
        tree = MerkleTree([leaf.hash for leaf in leaves])
        if tree.root != header.root or len(leaves) != header.count:
            raise AuditBrokenError(header.number)
        return [
            {
                "row": row.content.decode(),
                "position": leaf.position,
                "path": [node.hex() for node in tree.path(leaf.position)],
            }
            for leaf, row in _rows_of(batch, leaves)
            if _is_wanted(row, command)
        ]


def _rows_of(
    batch: StoredBatch, leaves: Sequence[StoredLeaf]
) -> list[tuple[StoredLeaf, StoredRow]]:
    pairs = [(leaf, row) for leaf in leaves for row in leaf.rows]
    if len(pairs) != len(leaves) or any(leaf_hash(row.content) != leaf.hash for leaf, row in pairs):
        raise AuditBrokenError(batch.sealed.header.number)
    return pairs


def _may_hold_rows(batch: StoredBatch, command: ExportAuditCommand) -> bool:
    try:
        begin, end = month_bounds(batch.sealed.header.month)
    except ValueError as fault:
        raise AuditBrokenError(batch.sealed.header.number) from fault
    return not (
        (command.since is not None and end <= command.since)
        or (command.until is not None and begin >= command.until)
    )


def _is_wanted(row: StoredRow, command: ExportAuditCommand) -> bool:
    return (
        (command.user_id is None or row.user_id == command.user_id)
        and (command.since is None or row.occurred_at >= command.since)
        and (command.until is None or row.occurred_at < command.until)
    )


def _line(type_: str, batch: StoredBatch, facts: Mapping[str, Any]) -> str:
    record = {"type": type_, **facts, **batch.sealed.to_record()}
    return json.dumps(record, separators=(",", ":"))
