"""Port: the audit trail as it lies there, for whoever checks it or hands it on."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.audit_seal import DroppedMonth, Place, SealedBatch
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
    """

    content: bytes
    user_id: UserId | None
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLeaf:
    """A leaf of a batch, and the rows of its number: one, unless somebody was at them."""

    position: int
    row: int
    hash: bytes
    tag: bytes
    rows: Sequence[StoredRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class LooseRow:
    """A row that no batch holds.

    Attributes:
        batch: The batch that a leaf still names, though it is not there.
        is_passed: Whether sealing has passed its place, so that it came there afterwards.
    """

    row: int
    batch: int | None
    is_passed: bool


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

    Every method raises UnavailableError when the store does not answer.
    """

    @abstractmethod
    async def size(self) -> TrailSize:
        """How much there is to look at."""

    @abstractmethod
    async def batches(self, *, after: int, limit: int) -> Sequence[StoredBatch]:
        """The batches with a number above ``after``, in order, at most ``limit``."""

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
    async def loose(self, *, after: Place | None, horizon: Place | None, limit: int) -> LoosePage:
        """Of the next ``limit`` rows after a place, those that no batch holds.

        ``horizon`` says how far sealing has come.
        """
