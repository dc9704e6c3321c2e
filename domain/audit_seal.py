"""Sealed batches of audit events, each chained to the batch before it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from domain.merkle_tree import HASH_BYTES, tree_root
from domain.trail_row import Place, UnsealedRows

#: The hash that the first batch is chained to.
GENESIS: Final = bytes(HASH_BYTES)
#: The maximum number of rows in a batch, so that hashing them doesn't block a server process.
MAX_ROWS: Final = 2_000
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchHeader:
    """The authenticated description of a batch.

    Attributes:
        number: 1 for the first batch.
        count: Number of rows in the batch.
        total: Number of rows in this batch and all batches before it.
        first_row, last_row: Numbers of its first and its last row.
        root: Root of the Merkle tree over the rows.
        previous: Hash of the batch before it, or GENESIS.
        horizon: How far sealing has come with this batch.
        sealed_at: Instant (UTC).
        key_id: Id of the audit key that authenticates it.
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
        """Returns the header of a batch of these rows, whose leaf hashes are ``leaves``."""
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
        """Returns the header as a JSON object: hashes in hexadecimal, the time in RFC 3339."""
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
        """Parses a header from a JSON object.

        Raises:
            ValueError: The object isn't a batch header of this format.
        """
        try:
            if record["format"] != _FORMAT:
                raise ValueError("unknown header format")
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
            raise ValueError("not a batch header") from fault

    def encoded(self) -> bytes:
        """Returns the canonical encoding, which is hashed and authenticated."""
        return json.dumps(self.to_record(), sort_keys=True, separators=(",", ":")).encode()


class SelfContradictionError(ValueError):
    """A batch doesn't match the hash recorded with it: it was tampered with.

    Attributes:
        batch: The number that it claims to have.
    """

    def __init__(self, batch: int) -> None:
        super().__init__(f"the recorded hash doesn't match batch {batch}")
        self.batch = batch


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedBatch:
    """A batch header with its MAC.

    Attributes:
        mac: HMAC-SHA256 over the encoded header, under the sealing key.
    """

    header: BatchHeader
    mac: bytes

    @property
    def hash(self) -> bytes:
        """The hash that the next batch is chained to."""
        return hashlib.sha256(self.header.encoded() + self.mac).digest()

    def to_record(self) -> dict[str, Any]:
        """Returns the batch as a JSON object, for checkpoints and exports."""
        return {"batch": self.header.to_record(), "mac": self.mac.hex(), "hash": self.hash.hex()}

    @classmethod
    def from_record(cls, record: Any) -> Self:
        """Parses a batch from a JSON object.

        Raises:
            SelfContradictionError: The recorded hash isn't the hash of the batch.
            ValueError: The object isn't a sealed batch.
        """
        try:
            batch = cls(
                header=BatchHeader.from_record(record["batch"]), mac=bytes.fromhex(record["mac"])
            )
            is_itself = record["hash"] == batch.hash.hex()
        except (KeyError, TypeError) as fault:
            raise ValueError("not a sealed batch") from fault
        if not is_itself:
            raise SelfContradictionError(batch.header.number)
        return batch


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedLeaf:
    """The leaf of one row in a batch.

    Attributes:
        hash: The leaf's hash in the Merkle tree.
        tag: Authenticates this leaf alone, so that a verification can name an altered one.
    """

    place: Place
    hash: bytes
    tag: bytes


def tagged(batch: int, row: int, leaf: bytes) -> bytes:
    """Returns what a leaf's tag authenticates: this row is in this batch, as this leaf."""
    # Sealing never writes negative numbers, but a tampered row can contain one.
    return b"leaf\0" + batch.to_bytes(8, signed=True) + row.to_bytes(8, signed=True) + leaf
