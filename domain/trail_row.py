"""Rows of the audit trail in the order in which they are sealed."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Place:
    """The position of a row in the order of sealing.

    Attributes:
        transaction: Number of the transaction that wrote the row.
        row: The row's number.
    """

    transaction: int
    row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Horizon:
    """How far sealing has come, in the transaction numbers of the current store.

    Attributes:
        place: Everything up to this place was sealed. An unsealed row there was added later.
        is_moving: Whether the trail was copied from a store with higher transaction numbers, and
            some of the copied rows aren't sealed yet. Their numbers can be higher than any that
            this store has assigned so far.
    """

    place: Place
    is_moving: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailRow:
    """One row of the audit trail, in the form that is sealed.

    Attributes:
        content: All columns that aren't null, in the store's canonical encoding (docs/audit.md).
    """

    place: Place
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsealedRows:
    """The next rows to seal, in the order of sealing.

    Attributes:
        month: The month (UTC) of all the rows, such as ``2026-01``.
        horizon: How far sealing has come once these rows are sealed.
    """

    rows: Sequence[TrailRow]
    month: str
    horizon: Place
