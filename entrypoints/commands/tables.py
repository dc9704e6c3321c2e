"""Tables of plain text: for people at a terminal of any width, and for pipes."""

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import Final

import typer

#: One text, or several that belong together.
Cell = str | Sequence[str]
_GAP: Final = "  "


def print_table(
    headings: Sequence[str], records: Sequence[Sequence[Cell]], *, width: int | None = None
) -> None:
    """Print one line for each record, or a block for each where the lines would be too long.

    Nothing is ever cut or wrapped, so that an id can be copied, and there are no colors.

    Args:
        headings: A heading for each cell.
        records: The cells of each record.
        width: The number of columns; None: that of the terminal. A pipe has room for any line.
    """
    room = _room() if width is None else width
    cells = [[_texts(cell) for cell in record] for record in records]
    lines = list(_lines(headings, cells))
    if cells and room is not None and max(map(_width_of, lines)) > room:
        lines = list(_blocks(headings, cells))
    for line in lines if cells else ():
        typer.echo(line)


def print_fields(fields: Sequence[tuple[str, Cell]], *, indent: str = "") -> None:
    """Print one record: a line for each text, and none for an empty cell."""
    for line in _block([name for name, _ in fields], [_texts(cell) for _, cell in fields]):
        typer.echo(indent + line)


def printable(text: str) -> str:
    """The text without characters that control a terminal."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


def _room() -> int | None:
    """The width of the terminal, or None if there is none."""
    given = os.environ.get("COLUMNS", "")
    if (given.isdecimal() and int(given)) or sys.stdout.isatty():
        return shutil.get_terminal_size().columns
    return None


def _texts(cell: Cell) -> list[str]:
    texts = [cell] if isinstance(cell, str) else cell
    return [printable(text) for text in texts if text]


def _lines(headings: Sequence[str], records: Sequence[Sequence[list[str]]]) -> Iterator[str]:
    rows = [list(headings), *([" ".join(texts) for texts in record] for record in records)]
    widths = [max(map(_width_of, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = [_padded(text, width) for text, width in zip(row, widths, strict=True)]
        yield _GAP.join(padded).rstrip()


def _blocks(headings: Sequence[str], records: Sequence[Sequence[list[str]]]) -> Iterator[str]:
    for number, record in enumerate(records):
        if number:
            yield ""
        yield from _block(headings, record)


def _block(headings: Sequence[str], record: Sequence[list[str]]) -> Iterator[str]:
    width = max(map(_width_of, headings))
    for heading, texts in zip(headings, record, strict=True):
        for number, text in enumerate(texts):
            yield f"{_padded('' if number else heading, width)}{_GAP}{text}"


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width_of(text))


def _width_of(text: str) -> int:
    # Imported on first use, so that `--help` is fast. It knows wide and combining characters.
    from rich.cells import cell_len

    return cell_len(text)
