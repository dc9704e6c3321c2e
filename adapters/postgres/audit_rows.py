"""Audit rows in the encoding that is sealed, and the batches that seal them."""

from datetime import UTC
from typing import Any, Final

from domain.audit_seal import BatchHeader, SealedBatch
from domain.trail_row import Horizon, Place

#: Pins the settings that affect how a value is written as text, for the current transaction.
PINNED: Final = """
SELECT set_config('TimeZone', 'UTC', true), set_config('bytea_output', 'hex', true),
    set_config('extra_float_digits', '1', true), set_config('IntervalStyle', 'iso_8601', true)
"""
#: All columns of the row ``audit`` that aren't null, as the text of a jsonb object. So a column
#: that a later migration adds doesn't change the content of existing rows.
CONTENT: Final = """(
    SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(audit))
    WHERE jsonb_typeof(value) <> 'null'
)::text"""
BATCH_COLUMNS: Final = (
    "number, month, row_count, total, first_row, last_row, root, previous, horizon_transaction, "
    "horizon_row, sealed_at, key_id, mac, hash"
)
#: Whether a client can represent an instant in every time zone. PostgreSQL's range is larger.
IS_IN_CALENDAR: Final = "({0} >= '0001-01-02 00:00+00' AND {0} < '9999-12-31 00:00+00')"
FIRST_INSTANT: Final = "'0001-01-02 00:00+00'::timestamptz"
#: The columns of a query. An instant that no client can represent becomes ``FIRST_INSTANT``.
BATCH: Final = BATCH_COLUMNS.replace(
    "sealed_at",
    f"CASE WHEN {IS_IN_CALENDAR.format('sealed_at')} THEN sealed_at ELSE {FIRST_INSTANT} END "
    "AS sealed_at",
)
#: The full 64-bit numbers of the snapshot's oldest running and next transaction, and the lower 32
#: bits of the number of the transaction that wrote a batch on this server.
SNAPSHOT: Final = """
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest,
    pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next,
    (SELECT xmin::text::bigint FROM vetassist_audit_batches WHERE number = %s) AS written_by
"""
_HALF: Final = 2**32


def horizon_of(batch: SealedBatch, snapshot: dict[str, Any]) -> Horizon:
    """Returns how far sealing has come with the newest batch, in this server's numbers.

    A transaction that seals has a number above the horizon of its batch. If the transaction that
    wrote the batch on this server has a lower number, then the batch was copied from a server
    with higher numbers, for example with a dump. Rows that were written here afterwards have
    numbers above that of the copy, so sealing continues from there until all copied rows are
    sealed. A horizon with row 0 means that some of them aren't sealed yet.
    """
    place, written_by = batch.header.horizon, snapshot["written_by"]
    if place.row == 0:
        return Horizon(place=place, is_moving=True)
    if written_by is not None:
        copied = snapshot["next"] - (snapshot["next"] - written_by) % _HALF
        if copied < place.transaction:
            return Horizon(place=Place(transaction=copied, row=0), is_moving=True)
    return Horizon(place=place)


def batch_of(row: dict[str, Any]) -> SealedBatch:
    """Returns a sealed batch from its columns."""
    header = BatchHeader(
        number=row["number"],
        month=row["month"],
        count=row["row_count"],
        total=row["total"],
        first_row=row["first_row"],
        last_row=row["last_row"],
        root=row["root"],
        previous=row["previous"],
        horizon=Place(transaction=row["horizon_transaction"], row=row["horizon_row"]),
        sealed_at=row["sealed_at"].astimezone(UTC),
        key_id=row["key_id"],
    )
    return SealedBatch(header=header, mac=row["mac"])
