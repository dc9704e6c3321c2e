"""Sealed batches of the audit trail, each chained to the one before."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self
from uuid import UUID

from domain.merkle_tree import HASH_BYTES, tree_root

#: What the first batch is chained to.
GENESIS: Final = bytes(HASH_BYTES)
#: Rows of one batch at most: so few that a server process is not held up by hashing them.
MAX_ROWS: Final = 2_000
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Place:
    """Where a row stands in the order of sealing.

    Attributes:
        transaction: Number of the transaction that wrote the row.
        row: The row's number.
    """

    transaction: int
    row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Horizon:
    """How far sealing has come, as the store at hand counts.

    Attributes:
        place: Rows up to it that no batch holds came there afterwards.
        is_moving: The trail was copied from a store that had counted further, and not all that
            came with it is sealed: some rows bear numbers that this store has yet to reach.
    """

    place: Place
    is_moving: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailRow:
    """One row of the trail, as it is sealed.

    Attributes:
        content: Every column that is not null, in the store's canonical encoding (docs/audit.md).
    """

    place: Place
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsealedRows:
    """The next rows to seal, in the order of sealing.

    Attributes:
        month: The month (UTC) of all of them, such as ``2026-01``.
        horizon: How far sealing has come with them; it goes on after this.
    """

    rows: Sequence[TrailRow]
    month: str
    horizon: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchHeader:
    """What is said of a batch, and authenticated.

    Attributes:
        number: 1 for the first.
        count: Rows in the batch.
        total: Rows in this batch and all before it.
        first_row, last_row: Numbers of the rows at its two ends.
        root: Root of the Merkle tree over the rows.
        previous: Hash of the batch before, or GENESIS.
        horizon: How far sealing has come with this batch.
        sealed_at: Instant (UTC).
        key_id: Of the audit key that authenticates it.
    """

    number: int
    month: str
    count: int
    total: int
    first_row: int
    last_row: int
    root: bytes
    previous: bytes
    horizon: Place
    sealed_at: datetime
    key_id: str

    @classmethod
    def over(
        cls,
        unsealed: UnsealedRows,
        leaves: Sequence[bytes],
        *,
        previous: "SealedBatch | None",
        now: datetime,
        key_id: str,
    ) -> Self:
        """The header of the batch over these rows, whose leaf hashes are ``leaves``."""
        before = previous.header if previous is not None else None
        return cls(
            number=1 if before is None else before.number + 1,
            month=unsealed.month,
            count=len(leaves),
            total=len(leaves) + (0 if before is None else before.total),
            first_row=unsealed.rows[0].place.row,
            last_row=unsealed.rows[-1].place.row,
            root=tree_root(leaves),
            previous=GENESIS if previous is None else previous.hash,
            horizon=unsealed.horizon,
            sealed_at=now,
            key_id=key_id,
        )

    def to_record(self) -> dict[str, Any]:
        """The header as JSON tells it: hashes in hexadecimal, the time as RFC 3339."""
        return {
            "format": _FORMAT,
            "number": self.number,
            "month": self.month,
            "count": self.count,
            "total": self.total,
            "first_row": self.first_row,
            "last_row": self.last_row,
            "root": self.root.hex(),
            "previous": self.previous.hex(),
            "horizon": [self.horizon.transaction, self.horizon.row],
            "sealed_at": self.sealed_at.isoformat(timespec="microseconds"),
            "key_id": self.key_id,
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """The header that a record tells of.

        Raises:
            ValueError: It is none of this format.
        """
        try:
            if record["format"] != _FORMAT:
                raise ValueError("another format")
            transaction, row = record["horizon"]
            return cls(
                number=int(record["number"]),
                month=str(record["month"]),
                count=int(record["count"]),
                total=int(record["total"]),
                first_row=int(record["first_row"]),
                last_row=int(record["last_row"]),
                root=bytes.fromhex(record["root"]),
                previous=bytes.fromhex(record["previous"]),
                horizon=Place(transaction=int(transaction), row=int(row)),
                sealed_at=datetime.fromisoformat(record["sealed_at"]),
                key_id=str(record["key_id"]),
            )
        except (KeyError, TypeError, OverflowError) as fault:
            raise ValueError("no batch header") from fault

    def encoded(self) -> bytes:
        """The one spelling of the header that is hashed and authenticated."""
        return json.dumps(self.to_record(), sort_keys=True, separators=(",", ":")).encode()


class SelfContradictionError(ValueError):
    """What is told of a batch does not go together: somebody was at it.

    Attributes:
        batch: The number that it claims.
    """

    def __init__(self, batch: int) -> None:
        super().__init__(f"its hash is not that of batch {batch}")
        self.batch = batch


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedBatch:
    """A batch header with what authenticates it.

    Attributes:
        mac: HMAC-SHA256 over the encoded header, under the sealing key.
    """

    header: BatchHeader
    mac: bytes

    @property
    def hash(self) -> bytes:
        """What the next batch is chained to."""
        return hashlib.sha256(self.header.encoded() + self.mac).digest()

    def to_record(self) -> dict[str, Any]:
        """The batch as JSON tells it, for checkpoints and exports."""
        return {"batch": self.header.to_record(), "mac": self.mac.hex(), "hash": self.hash.hex()}

    @classmethod
    def from_record(cls, record: Any) -> Self:
        """The batch that a record tells of.

        Raises:
            SelfContradictionError: Its hash is not the one that it tells.
            ValueError: It is none.
        """
        try:
            batch = cls(
                header=BatchHeader.from_record(record["batch"]), mac=bytes.fromhex(record["mac"])
            )
            is_itself = record["hash"] == batch.hash.hex()
        except (KeyError, TypeError) as fault:
            raise ValueError("no sealed batch") from fault
        if not is_itself:
            raise SelfContradictionError(batch.header.number)
        return batch


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedLeaf:
    """One row's part in a batch.

    Attributes:
        hash: The leaf's hash in the Merkle tree.
        tag: Authenticates the leaf by itself, so that an altered one can be named.
    """

    place: Place
    hash: bytes
    tag: bytes


def tagged(batch: int, row: int, leaf: bytes) -> bytes:
    """What a leaf's tag authenticates: that this row was sealed in this batch as this leaf."""
    # Nothing that is sealed has a number below zero, but somebody may have written one there.
    return b"leaf\0" + batch.to_bytes(8, signed=True) + row.to_bytes(8, signed=True) + leaf


def month_bounds(month: str) -> tuple[datetime, datetime]:
    """The first instant of a month such as ``2026-01``, and of the next one (UTC).

    Of the last month there is it is the last instant.

    Raises:
        ValueError: There is no such month.
    """
    begin = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    try:
        return begin, (begin + timedelta(days=31)).replace(day=1)
    except OverflowError:
        return begin, datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedMonth:
    """A month of the trail that went for good, after it was handed on.

    Attributes:
        month: Such as ``2026-01``.
        last_batch: The newest batch of the month at that time; batches after it still stand.
        rows: How many rows went.
        dropped_at: Instant (UTC).
        key_id: Of the audit key that authenticates it.
        mac: Over ``message``, under the sealing key; empty until it is made.
    """

    month: str
    last_batch: int
    rows: int
    dropped_at: datetime
    key_id: str
    mac: bytes = b""

    def to_record(self) -> dict[str, Any]:
        """The note as JSON tells it, for exports."""
        return {
            "month": self.month,
            "last_batch": self.last_batch,
            "rows": self.rows,
            "dropped_at": self.dropped_at.isoformat(timespec="microseconds"),
            "key_id": self.key_id,
            "mac": self.mac.hex(),
        }

    @property
    def message(self) -> bytes:
        """What is authenticated."""
        at = self.dropped_at.isoformat(timespec="microseconds")
        facts = [self.month, self.last_batch, self.rows, at, self.key_id]
        return b"dropped\0" + json.dumps(facts, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchesExported:
    """Batches that were handed on whole, from the first to the last.

    Attributes:
        sha256: Of the file they were written to.
        at: Instant (UTC).
        key_id: Of the audit key that authenticates it.
        mac: Over ``message``, under the sealing key; empty until it is made.
    """

    id: UUID
    first_batch: int
    last_batch: int
    sha256: bytes
    at: datetime
    key_id: str
    mac: bytes = b""

    @property
    def message(self) -> bytes:
        """What is authenticated."""
        at = self.at.isoformat(timespec="microseconds")
        sha256 = self.sha256.hex()
        facts = [str(self.id), self.first_batch, self.last_batch, sha256, at, self.key_id]
        return b"exported\0" + json.dumps(facts, separators=(",", ":")).encode()
