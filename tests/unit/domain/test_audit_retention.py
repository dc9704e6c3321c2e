"""Months of the audit trail, and what is recorded of one that was dropped."""

from datetime import UTC, datetime

import pytest

from domain.audit_retention import DroppedMonth, month_bounds


@pytest.mark.parametrize(
    ("month", "begin", "end"),
    [
        ("2026-01", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)),
        ("2028-02", datetime(2028, 2, 1, tzinfo=UTC), datetime(2028, 3, 1, tzinfo=UTC)),
        ("2026-12", datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        ("9999-12", datetime(9999, 12, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)),
    ],
)
def test_a_month_ends_where_the_next_one_begins(month: str, begin: datetime, end: datetime) -> None:
    assert month_bounds(month) == (begin, end)


@pytest.mark.parametrize("month", ["2026-13", "26-01", "2026", "XX2026-01XX", ""])
def test_anything_else_is_no_month(month: str) -> None:
    with pytest.raises(ValueError, match=r"does not match format|unconverted data"):
        month_bounds(month)


def test_a_drop_is_recorded_as_it_is_documented() -> None:
    dropped = DroppedMonth(
        month="2026-01",
        last_batch=7,
        rows=30,
        dropped_at=datetime(2026, 3, 1, 8, 30, tzinfo=UTC),
        key_id="k1",
        mac=bytes([171]),
    )
    assert dropped.to_record() == {
        "month": "2026-01",
        "last_batch": 7,
        "rows": 30,
        "dropped_at": "2026-03-01T08:30:00.000000+00:00",
        "key_id": "k1",
        "mac": "ab",
    }
