"""Instants as text that a URL carries unharmed."""

from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import parse_qs

import pytest

from entrypoints.web.timestamps import rfc3339


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (datetime(2026, 1, 20, 17, 30, tzinfo=UTC), "2026-01-20T17:30:00Z"),
        (datetime(2026, 1, 20, 17, 30, 0, 120_000, tzinfo=UTC), "2026-01-20T17:30:00.120000Z"),
        (
            datetime(2026, 1, 20, 17, 30, tzinfo=timezone(timedelta(hours=5, minutes=30))),
            "2026-01-20T12:00:00Z",
        ),
        (
            datetime(2025, 12, 31, 23, 30, tzinfo=timezone(timedelta(hours=-5))),
            "2026-01-01T04:30:00Z",
        ),
    ],
)
def test_an_instant_is_written_in_utc(instant: datetime, text: str) -> None:
    assert rfc3339(instant) == text
    assert datetime.fromisoformat(text) == instant


def test_an_instant_survives_a_query_that_nobody_escaped() -> None:
    text = rfc3339(datetime(2026, 1, 20, 17, 30, tzinfo=UTC))
    assert parse_qs(f"expires={text}") == {"expires": [text]}
