"""Port: the stored audit trail with its seals, for verification and export."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.audit_retention import DroppedMonth
from domain.audit_seal import SealedBatch
from domain.identifiers import UserId
from domain.trail_row import Horizon, Place


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBatch:
    """A stored batch, and the hash that is stored with it."""

    sealed: SealedBatch
    noted_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRow:
    """A stored row.

    Attributes:
        content: In the encoding of ``TrailRow.content``.
        transaction: The transaction number in the row.
        occurred_at: None if Python can't represent the stored time: it was tampered with.
    """

    content: bytes
    transaction: int
    user_id: UserId | None
    occurred_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLeaf:
    """A leaf of a batch and its candidate rows: exactly one, unless they were tampered with.

    Attributes:
        transaction, row: The place of its row, as recorded in the leaf.
        rows: The rows at that place in the batch's month. If there are none, all rows with that
            number.
    """

    position: int
    transaction: int
    row: int
    hash: bytes
    tag: bytes
    rows: Sequence[StoredRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class LooseRow:
    """A row that ``leaves`` doesn't return for any batch.

    Attributes:
        orphan: A leaf that names exactly this row, but whose batch is missing.
        is_passed: Whether the row can't be waiting to be sealed: sealing has passed its place, no
            transaction has its number yet, or another row with its number is sealed.
    """

    row: int
    orphan: "OrphanLeaf | None"
    is_passed: bool


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class LeafPlace:
    """The position of a leaf in the order of all leaves."""

    batch: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanLeaf:
    """A leaf whose batch is missing."""

    place: LeafPlace
    row: int
    hash: bytes
    tag: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LoosePage:
    """One page of examined rows. The next page starts after ``last``, which is None at the end."""

    looked_at: int
    loose: Sequence[LooseRow]
    last: Place | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailSize:
    """The number of sealed batches and rows."""

    batches: int
    rows: int


class SealedTrail(Protocol):
    """Reads the audit trail, which may have been tampered with.

    Every method raises UnavailableError if the store did not answer, and TrailUnreadableError if
    a table or column of the trail is missing or was changed.
    """

    @abstractmethod
    async def size(self) -> TrailSize:
        """Returns how much is sealed."""

    @abstractmethod
    async def batches(self, *, after: int | None, limit: int) -> Sequence[StoredBatch]:
        """Returns up to ``limit`` batches with numbers above ``after`` (None: all), in order."""

    @abstractmethod
    async def number_of(self, noted_hash: bytes) -> int | None:
        """Returns the number of the batch that is stored with this hash, or None."""

    @abstractmethod
    async def drops(self) -> Sequence[DroppedMonth]:
        """Returns the dropped months."""

    @abstractmethod
    async def leaves(self, batch: StoredBatch, *, limit: int) -> Sequence[StoredLeaf]:
        """Returns up to ``limit`` leaves of a batch by position, each with its rows."""

    @abstractmethod
    async def orphans(self, *, after: LeafPlace | None, limit: int) -> Sequence[OrphanLeaf]:
        """Returns up to ``limit`` leaves after a place whose batch is missing, in order."""

    @abstractmethod
    async def horizon(self, newest: StoredBatch) -> Horizon:
        """Returns how far sealing has come with the newest batch."""

    @abstractmethod
    async def loose(self, *, after: Place | None, horizon: Horizon | None, limit: int) -> LoosePage:
        """Examines up to ``limit`` rows after a place, and returns those that ``leaves`` doesn't.

        ``horizon`` is how far sealing has come. None means that nothing is sealed.
        """
