"""Use case: export the audit trail with proofs that can be checked without the database."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, final

from application.errors import AuditBrokenError
from application.ports.clock import Clock
from application.ports.export_file import ExportFile
from application.ports.seal_keys import SealKeys
from application.ports.sealed_trail import SealedTrail, StoredBatch, StoredLeaf, StoredRow
from application.ports.secret_source import SecretSource
from application.ports.unit_of_work import UnitOfWorkFactory
from application.sealed_batches import sealed_batches
from domain.audit_event import AuditEvent, AuditEventType
from domain.audit_retention import BatchesExported, DroppedMonth, month_bounds
from domain.audit_seal import GENESIS
from domain.identifiers import UserId
from domain.merkle_tree import MerkleTree, leaf_hash
from domain.visitor import Visitor

_CLOSE: Final = (",", ":")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportAuditCommand:
    """What to export, and where to.

    Attributes:
        since: Only rows at or after this instant (UTC), or None.
        until: Only rows before this instant (UTC), or None.
        user_id: Only rows of this user, or None.
        file: Where to write.
        on_rows: Called with the number of rows checked since the last call.
    """

    since: datetime | None = None
    until: datetime | None = None
    user_id: UserId | None = None
    file: ExportFile
    on_rows: Callable[[int], object]

    @property
    def is_whole(self) -> bool:
        """Whether to export every row."""
        return self.since is None and self.until is None and self.user_id is None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditExported:
    """How much was exported.

    Attributes:
        whole: First and last number of each range of batches that was exported completely.
    """

    rows: int
    batches: int
    whole: Sequence[tuple[int, int]]


@final
class ExportAudit:
    """Writes sealed rows with their audit paths, and the batch headers from the first row on.

    The headers form the chain from a row's batch to any later checkpoint. The format is described
    in docs/audit.md. An export of every row has all headers, and the drops of months.
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

    async def count(self) -> int:
        """Returns about how many rows ``on_rows`` will report.

        Raises:
            TrailUnreadableError: A part of the trail is missing.
            UnavailableError: The store did not answer.
        """
        return (await self._trail.size()).rows

    async def execute(self, command: ExportAuditCommand) -> AuditExported:
        """Writes the file and records the export, so that its months can be dropped later.

        The file is on disk before the record is committed. If anything fails before that, the
        file is discarded.

        Raises:
            AuditBrokenError: The trail was tampered with, or the key of a batch or of a drop
                isn't available. Verify the trail.
            TrailUnreadableError: A part of the trail is missing.
            UnavailableError: The store did not answer.
            OSError: The file could not be written. If it was recorded but could not be named, it
                is kept under its provisional name.
        """
        file = command.file
        try:
            file.open()
            exported = await self._write(command)
            await self._record(command, exported, sha256=file.settle())
        except BaseException:
            file.discard()
            raise
        file.keep()
        return exported

    async def _write(self, command: ExportAuditCommand) -> AuditExported:
        rows = batches = 0
        whole: list[tuple[int, int]] = []
        dropped = await self._dropped()
        last_dropped = {each.month: each.last_batch for each in dropped}
        if command.is_whole:
            for each in dropped:
                record = {"type": "drop", **each.to_record()}
                command.file.write(json.dumps(record, separators=_CLOSE))
        before: StoredBatch | None = None
        async for batch in sealed_batches(self._trail):
            header = batch.sealed.header
            if not self._is_genuine(batch, before):
                raise AuditBrokenError(header.number)
            before = batch
            found = []
            if header.number > last_dropped.get(header.month, 0) and _may_have_rows(batch, command):
                found = await self._proofs(batch, command)
            if len(found) == header.count:
                _prolong(whole, header.number)
            command.on_rows(header.count)
            rows += len(found)
            for proof in found:
                command.file.write(_line("row", batch, proof))
            # Earlier headers prove nothing about these rows. They only show that none is missing.
            if rows or command.is_whole:
                batches += 1
                command.file.write(_line("batch", batch, {}))
        return AuditExported(rows=rows, batches=batches, whole=whole)

    async def _record(
        self, command: ExportAuditCommand, exported: AuditExported, *, sha256: bytes
    ) -> None:
        """Audits the export, and records which batches it contains completely."""
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
                export = BatchesExported(
                    id=self._secrets.uuid(),
                    first_batch=first,
                    last_batch=last,
                    sha256=sha256,
                    at=now,
                    key_id=self._keys.key_id,
                )
                mac = self._keys.authenticate(export.message)
                await work.audit_partitions.note_export(replace(export, mac=mac))
            await work.audit.append(event)
            await work.commit()

    async def _dropped(self) -> Sequence[DroppedMonth]:
        """Returns the dropped months, after checking that they were authentically dropped."""
        dropped = await self._trail.drops()
        for each in dropped:
            if not self._keys.is_authentic(each.message, each.mac, key_id=each.key_id):
                raise AuditBrokenError(each.last_batch)
        return dropped

    def _is_genuine(self, batch: StoredBatch, before: StoredBatch | None) -> bool:
        """Whether the batch was sealed with an available key and follows the one before it."""
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
    """Adds the next number to ascending ranges of numbers."""
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


def _may_have_rows(batch: StoredBatch, command: ExportAuditCommand) -> bool:
    try:
        begin, end = month_bounds(batch.sealed.header.month)
    except (ValueError, OverflowError):
        # It has rows whose time Python can't represent.
        return True
    return not (
        (command.since is not None and end <= command.since)
        or (command.until is not None and begin >= command.until)
    )


def _is_wanted(row: StoredRow, command: ExportAuditCommand) -> bool:
    if command.user_id is not None and row.user_id != command.user_id:
        return False
    if row.occurred_at is None:
        # A time that Python can't represent is outside any bounds.
        return command.since is None and command.until is None
    return (command.since is None or row.occurred_at >= command.since) and (
        command.until is None or row.occurred_at < command.until
    )


def _line(type_: str, batch: StoredBatch, facts: Mapping[str, Any]) -> str:
    record = {"type": type_, **facts, **batch.sealed.to_record()}
    return json.dumps(record, separators=_CLOSE)
