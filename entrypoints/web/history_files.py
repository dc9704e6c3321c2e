"""A history as a JSON or CSV file."""

import csv
import json
from collections.abc import AsyncIterator
from io import StringIO
from typing import Any, Final

Fields = dict[str, Any]

_COLUMNS: Final = ("occurred_at", "summary", "device", "type", "session_id", "reference")
# A spreadsheet runs a cell that starts like this as a formula (OWASP, CSV injection).
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


async def as_json(events: AsyncIterator[Fields]) -> AsyncIterator[bytes]:
    """One JSON document, written while the events are read."""
    separator = '{"events": [\n'
    async for event in events:
        yield (separator + json.dumps(event)).encode()
        separator = ",\n"
    yield b'{"events": []}\n' if separator.startswith("{") else b"\n]}\n"


async def as_csv(events: AsyncIterator[Fields]) -> AsyncIterator[bytes]:
    """CSV (RFC 4180) in UTF-8, without cells that a spreadsheet would run as formulas."""
    yield _line(_COLUMNS)
    async for event in events:
        yield _line([_cell(event[column]) for column in _COLUMNS])


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _line(cells: Any) -> bytes:
    buffer = StringIO()
    csv.writer(buffer, quoting=csv.QUOTE_ALL).writerow(cells)
    return buffer.getvalue().encode()
