"""Formats instants (RFC 3339)."""

from datetime import UTC, datetime


def rfc3339(instant: datetime) -> str:
    """The instant in UTC with `Z`, which needs no escaping in a URL."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
