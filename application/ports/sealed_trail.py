"""Port: the audit trail as it lies there, for whoever checks it or hands it on."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.audit_seal import DroppedMonth, Horizon, Place, SealedBatch
from domain.identifiers import UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBatch:
    """A batch as it lies there, and the hash that is noted beside it."""

    sealed: SealedBatch
    noted_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRow:
    """A row as it lies there.

    Attributes:
        content: In the encoding of ``TrailRow.content``.
        transaction: Number of the transaction that it names.
        occurred_at: None where no calendar has it: somebody was at it.
    """

    content: bytes
    transaction: int
    user_id: UserId | None
    occurred_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLeaf:
    """A leaf of a batch, and the rows that can be its own: one, unless somebody was at them.

    Attributes:
        transaction, row: Where its row stands, by what it says.
        rows: Those which stand there, in the batch's month; where none does, all of that number.
    """

    position: int
    transaction: int
    row: int
    hash: bytes
    tag: bytes
    rows: Sequence[StoredRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class LooseRow:
    """A row that is none of those which ``leaves`` gives.

    Attributes:
        orphan: A leaf of a batch that is not there, which names exactly this row.
        is_passed: Whether it came where nothing can come any more: sealing has passed its place,
            or no transaction has its number yet, or another row is sealed under its own number.
    """

    row: int
    orphan: "OrphanLeaf | None"
    is_passed: bool


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class LeafPlace:
    """Where a leaf stands in the order of the leaves."""

    batch: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanLeaf:
    """A leaf of a batch that is not there."""

    place: LeafPlace
    row: int
    hash: bytes
    tag: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LoosePage:
    """Some rows looked at; ``last`` is where to go on, None at the end."""

    looked_at: int
    loose: Sequence[LooseRow]
    last: Place | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailSize:
    """How much is sealed."""

    batches: int
    rows: int


class SealedTrail(Protocol):
    """Reads; what it gives may have been tampered with.

    Every method raises UnavailableError when the store does not answer, and
    TrailUnreadableError when a part of the trail is gone or is not what it was.
    """

    @abstractmethod
    async def size(self) -> TrailSize:
        """How much there is to look at."""

    @abstractmethod
    async def batches(self, *, after: int | None, limit: int) -> Sequence[StoredBatch]:
        """The batches with a number above ``after`` (None: all), in order, at most ``limit``."""

    @abstractmethod
    async def number_of(self, noted_hash: bytes) -> int | None:
        """The number of the batch beside which this hash is noted."""

    @abstractmethod
    async def drops(self) -> Sequence[DroppedMonth]:
        """The months that went for good."""

    @abstractmethod
    async def leaves(self, batch: StoredBatch, *, limit: int) -> Sequence[StoredLeaf]:
        """The leaves of a batch by position, at most ``limit``, each with its row."""

    @abstractmethod
    async def orphans(self, *, after: LeafPlace | None, limit: int) -> Sequence[OrphanLeaf]:
        """The leaves after a place whose batch is not there, in order, at most ``limit``."""

    @abstractmethod
    async def horizon(self, newest: StoredBatch) -> Horizon:
        """How far sealing has come with the newest batch."""

    @abstractmethod
    async def loose(self, *, after: Place | None, horizon: Horizon | None, limit: int) -> LoosePage:
        """Of the next ``limit`` rows after a place, those that ``leaves`` gives for no batch.

        ``horizon`` says how far sealing has come; None: nothing is sealed.
        """
