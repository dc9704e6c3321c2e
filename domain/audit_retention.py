"""Months of the audit trail, and the records of their export and drop."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID


def month_bounds(month: str) -> tuple[datetime, datetime]:
    """Returns the first instants (UTC) of a month such as ``2026-01`` and of the next month.

    For 9999-12, the second one is the last instant that Python can represent.

    Raises:
        ValueError: The text isn't a month.
    """
    begin = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    try:
        return begin, (begin + timedelta(days=31)).replace(day=1)
    except OverflowError:
        return begin, datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedMonth:
    """A month of the audit trail that was dropped after it was exported.

    Attributes:
        month: Such as ``2026-01``.
        last_batch: The newest batch of the month at that time. Later batches were not dropped.
        rows: Number of dropped rows.
        dropped_at: Instant (UTC).
        key_id: Id of the audit key that authenticates it.
        mac: MAC of ``message`` under the sealing key. Empty until it is computed.
    """

    month: str
    last_batch: int
    rows: int
    dropped_at: datetime
    key_id: str
    mac: bytes = b""

    def to_record(self) -> dict[str, Any]:
        """Returns the drop as a JSON object, for exports."""
        return {
            "month": self.month,
            "last_batch": self.last_batch,
            "rows": self.rows,
            "dropped_at": self.dropped_at.isoformat(timespec="microseconds"),
            "key_id": self.key_id,
            "mac": self.mac.hex(),
        }

    @property
    def message(self) -> bytes:
        """The bytes that the MAC authenticates."""
        at = self.dropped_at.isoformat(timespec="microseconds")
        facts = [self.month, self.last_batch, self.rows, at, self.key_id]
        return b"dropped\0" + json.dumps(facts, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchesExported:
    """A range of batches that was exported completely.

    Attributes:
        sha256: SHA-256 of the export file.
        at: Instant (UTC).
        key_id: Id of the audit key that authenticates it.
        mac: MAC of ``message`` under the sealing key. Empty until it is computed.
    """

    id: UUID
    first_batch: int
    last_batch: int
    sha256: bytes
    at: datetime
    key_id: str
    mac: bytes = b""

    @property
    def message(self) -> bytes:
        """The bytes that the MAC authenticates."""
        at = self.at.isoformat(timespec="microseconds")
        sha256 = self.sha256.hex()
        facts = [str(self.id), self.first_batch, self.last_batch, sha256, at, self.key_id]
        return b"exported\0" + json.dumps(facts, separators=(",", ":")).encode()
