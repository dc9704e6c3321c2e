"""Instants as RFC 3339 text."""

from datetime import UTC, datetime


def rfc3339(instant: datetime) -> str:
    """In UTC, with `Z`, which needs no escaping in a URL."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
