"""Rows of the audit trail in the encoding in which they are sealed."""

from datetime import UTC
from typing import Any, Final

from domain.audit_seal import BatchHeader, Place, SealedBatch

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
