"""Rows of the audit trail in the encoding in which they are sealed."""

from datetime import UTC
from typing import Any, Final

from domain.audit_seal import BatchHeader, Horizon, Place, SealedBatch

#: What the text of a value depends on besides the value, as it has to be in the transaction.
PINNED: Final = """
SELECT set_config('TimeZone', 'UTC', true), set_config('bytea_output', 'hex', true),
    set_config('extra_float_digits', '1', true), set_config('IntervalStyle', 'iso_8601', true)
"""
#: Every column of the row ``audit`` that is not null, as the text of a jsonb. So a column that a
#: later step of the schema adds leaves the rows of before as they were.
CONTENT: Final = """(
    SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(audit))
    WHERE jsonb_typeof(value) <> 'null'
)::text"""
BATCH_COLUMNS: Final = (
    "number, month, row_count, total, first_row, last_row, root, previous, horizon_transaction, "
    "horizon_row, sealed_at, key_id, mac, hash"
)
#: Whether the calendar of a client has an instant, in every time zone; PostgreSQL's has more.
IS_IN_CALENDAR: Final = "({0} >= '0001-01-02 00:00+00' AND {0} < '9999-12-31 00:00+00')"
FIRST_INSTANT: Final = "'0001-01-02 00:00+00'::timestamptz"
#: To read them: in place of an instant that no calendar has comes the first one.
BATCH: Final = BATCH_COLUMNS.replace(
    "sealed_at",
    f"CASE WHEN {IS_IN_CALENDAR.format('sealed_at')} THEN sealed_at ELSE {FIRST_INSTANT} END "
    "AS sealed_at",
)
#: Whole numbers of the snapshot's first running and next transaction, and the number, without its
#: upper half, of the one that wrote a batch here.
SNAPSHOT: Final = """
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest,
    pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next,
    (SELECT xmin::text::bigint FROM vetassist_audit_batches WHERE number = %s) AS written_by
"""
_HALF: Final = 2**32


def horizon_of(batch: SealedBatch, snapshot: dict[str, Any]) -> Horizon:
    """How far sealing has come with the newest batch, as this server counts.

    Whoever seals here has a number above the horizon of the batch. So a batch below its own
    horizon was copied from a server that had counted further, as by a restore from a dump. What
    is written here since has a number above that of the copy: from there on rows are sealed,
    until all that came along is. Row 0 in a horizon says that some of it is left.
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
    """A sealed batch from its columns."""
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
