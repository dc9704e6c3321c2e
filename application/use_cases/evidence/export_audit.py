"""Use case: hand on the audit trail with proofs that need no database."""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, final

from application.errors import AuditBrokenError
from application.ports.clock import Clock
from application.ports.seal_keys import SealKeys
from application.ports.sealed_trail import SealedTrail, StoredBatch, StoredLeaf, StoredRow
from application.ports.secret_source import SecretSource
from application.ports.unit_of_work import UnitOfWorkFactory
from domain.audit_event import AuditEvent, AuditEventType
from domain.audit_retention import BatchesExported, DroppedMonth, month_bounds
from domain.audit_seal import GENESIS
from domain.identifiers import UserId
from domain.merkle_tree import MerkleTree, leaf_hash
from domain.visitor import Visitor

#: Batches of one read.
PAGE: Final = 200
_CLOSE: Final = (",", ":")


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

    @property
    def is_whole(self) -> bool:
        """Whether nothing is to be left out."""
        return self.since is None and self.until is None and self.user_id is None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditExported:
    """How much was handed on.

    Attributes:
        whole: First and last number of each run of batches of which no row was left out.
    """

    rows: int
    batches: int
    whole: Sequence[tuple[int, int]]


@final
class ExportAudit:
    """Writes rows with their audit paths, and every batch header from the first row's on.

    Without bounds all headers are written, and the notes on months that went for good.

    The headers lead from a row's batch to any later checkpoint (docs/audit.md has the format).
    Rows that are not sealed yet are not exported.
    """

    def __init__(
        self,
        *,
        trail: SealedTrail,
        keys: SealKeys,
        unit_of_work: UnitOfWorkFactory,
        secrets: SecretSource,
        clock: Clock,
    ) -> None:
        self._trail = trail
        self._keys = keys
        self._unit_of_work = unit_of_work
        self._secrets = secrets
        self._clock = clock

    async def rows_to_look_at(self) -> int:
        """About how many rows ``on_rows`` will be told of.

        Raises:
            TrailUnreadableError: A part of the trail is gone.
            UnavailableError: The store did not answer.
        """
        return (await self._trail.size()).rows

    async def execute(self, command: ExportAuditCommand) -> AuditExported:
        """Write the lines. Once they are safe, call ``note``.

        Raises:
            AuditBrokenError: A batch is not as it was sealed, or no holder of the keys at hand
                sealed it, or said that its month was dropped; verify the trail.
            TrailUnreadableError: A part of the trail is gone.
            UnavailableError: The store did not answer.
        """
        rows = batches = 0
        whole: list[tuple[int, int]] = []
        dropped = await self._dropped()
        gone = {each.month: each.last_batch for each in dropped}
        if command.is_whole:
            for each in dropped:
                command.write(json.dumps({"type": "drop", **each.to_record()}, separators=_CLOSE))
        before: StoredBatch | None = None
        async for batch in self._batches():
            header = batch.sealed.header
            if not self._is_genuine(batch, before):
                raise AuditBrokenError(header.number)
            before = batch
            found = []
            if header.number > gone.get(header.month, 0) and _may_hold_rows(batch, command):
                found = await self._proofs(batch, command)
            if len(found) == header.count:
                _prolong(whole, header.number)
            command.on_rows(header.count)
            rows += len(found)
            for proof in found:
                command.write(_line("row", batch, proof))
            # Headers before the first row lead nowhere, but to say that nothing is left out.
            if rows or command.is_whole:
                batches += 1
                command.write(_line("batch", batch, {}))
        return AuditExported(rows=rows, batches=batches, whole=whole)

    async def note(
        self, command: ExportAuditCommand, exported: AuditExported, *, sha256: bytes
    ) -> None:
        """Audit an export that was written, and note which batches may go for good later.

        Args:
            command: What was asked for.
            exported: What was written.
            sha256: Of the file.

        Raises:
            UnavailableError: The store did not answer; nothing was noted.
        """
        now = self._clock.now()
        event = AuditEvent(
            type=AuditEventType.AUDIT_EXPORTED,
            occurred_at=now,
            user_id=command.user_id,
            visitor=Visitor(),
            data={"rows": exported.rows, "batches": exported.batches, "sha256": sha256.hex()},
        )
        async with self._unit_of_work() as work:
            for first, last in exported.whole:
                noted = BatchesExported(
                    id=self._secrets.uuid(),
                    first_batch=first,
                    last_batch=last,
                    sha256=sha256,
                    at=now,
                    key_id=self._keys.key_id,
                )
                mac = self._keys.authenticate(noted.message)
                await work.audit_partitions.note_export(replace(noted, mac=mac))
            await work.audit.append(event)
            await work.commit()

    async def _batches(self) -> AsyncIterator[StoredBatch]:
        after = None
        while page := await self._trail.batches(after=after, limit=PAGE):
            for batch in page:
                yield batch
            after = page[-1].sealed.header.number

    async def _dropped(self) -> Sequence[DroppedMonth]:
        """The months that went for good, by the word of a holder of the key."""
        dropped = await self._trail.drops()
        for each in dropped:
            if not self._keys.is_authentic(each.message, each.mac, key_id=each.key_id):
                raise AuditBrokenError(each.last_batch)
        return dropped

    def _is_genuine(self, batch: StoredBatch, before: StoredBatch | None) -> bool:
        """Whether a holder of a key sealed it, as what follows on the batch before it."""
        sealed, header = batch.sealed, batch.sealed.header
        number, previous = (
            (1, GENESIS)
            if before is None
            else (before.sealed.header.number + 1, before.sealed.hash)
        )
        return (
            (header.number, header.previous) == (number, previous)
            and batch.noted_hash == sealed.hash
            and self._keys.is_authentic(header.encoded(), sealed.mac, key_id=header.key_id)
        )

    async def _proofs(
        self, batch: StoredBatch, command: ExportAuditCommand
    ) -> list[dict[str, Any]]:
        header = batch.sealed.header
        leaves = await self._trail.leaves(batch, limit=header.count + 1)
        tree = MerkleTree([leaf.hash for leaf in leaves])
        positions = [leaf.position for leaf in leaves]
        if tree.root != header.root or positions != list(range(header.count)):
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


def _prolong(runs: list[tuple[int, int]], number: int) -> None:
    """Add a number to runs that are in order."""
    if runs and runs[-1][1] == number - 1:
        runs[-1] = (runs[-1][0], number)
    else:
        runs.append((number, number))


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
    except (ValueError, OverflowError):
        # Rows with times of no calendar were sealed in it.
        return True
    return not (
        (command.since is not None and end <= command.since)
        or (command.until is not None and begin >= command.until)
    )


def _is_wanted(row: StoredRow, command: ExportAuditCommand) -> bool:
    if command.user_id is not None and row.user_id != command.user_id:
        return False
    if row.occurred_at is None:
        # A time of no calendar is within no bounds.
        return command.since is None and command.until is None
    return (command.since is None or row.occurred_at >= command.since) and (
        command.until is None or row.occurred_at < command.until
    )


def _line(type_: str, batch: StoredBatch, facts: Mapping[str, Any]) -> str:
    record = {"type": type_, **facts, **batch.sealed.to_record()}
    return json.dumps(record, separators=_CLOSE)
