"""A history as a JSON or CSV file."""

import json
from collections.abc import AsyncIterator
from typing import Any, Final

from entrypoints.spreadsheets import BYTE_ORDER_MARK, csv_line

Fields = dict[str, Any]

_COLUMNS: Final = ("occurred_at", "summary", "device", "type", "session_id", "reference")


async def as_json(events: AsyncIterator[Fields]) -> AsyncIterator[bytes]:
    """One JSON document, written while the events are read."""
    separator = '{"events": [\n'
    async for event in events:
        yield (separator + json.dumps(event)).encode()
        separator = ",\n"
    yield b'{"events": []}\n' if separator.startswith("{") else b"\n]}\n"


async def as_csv(events: AsyncIterator[Fields]) -> AsyncIterator[bytes]:
    """CSV that spreadsheet programs read as it was written."""
    yield BYTE_ORDER_MARK + csv_line(_COLUMNS)
    async for event in events:
        yield csv_line([event[column] for column in _COLUMNS])
