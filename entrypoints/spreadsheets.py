"""CSV that spreadsheet programs read as it was written."""

import csv
from collections.abc import Sequence
from io import StringIO
from typing import Final

#: Without it, Excel takes UTF-8 for the code page of its language.
BYTE_ORDER_MARK: Final = "\ufeff".encode()
# A spreadsheet runs a cell that starts like this as a formula (OWASP, CSV injection). The
# full-width forms count in East Asian editions.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def csv_line(cells: Sequence[object]) -> bytes:
    """One line of CSV (RFC 4180) in UTF-8, without cells that a spreadsheet would run."""
    buffer = StringIO()
    csv.writer(buffer, quoting=csv.QUOTE_ALL).writerow([_cell(each) for each in cells])
    return buffer.getvalue().encode(errors="backslashreplace")


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
