"""Writes tables to the terminal, and to a document between marks."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.figures import Section, Table


class MarkMissingError(Exception):
    """The document has no marks for a section."""


def markdown(section: Section) -> str:
    """Returns the plots, tables and notes in Markdown."""
    parts = [f"![{title}](images/{name}.svg)" for name, (title, _) in section.plots.items()]
    parts += [_markdown_table(table) for table in section.all_tables()]
    parts += ["\n".join(f"- {note}" for note in section.notes)] if section.notes else []
    return "\n\n".join(parts)


def text(section: Section) -> str:
    """Returns the tables and notes as plain text for a terminal."""
    return "\n\n".join([*(_text_table(table) for table in section.all_tables()), *section.notes])


def write(document: Path, name: str, section: Section) -> None:
    """Writes a section between its marks in the document, and its plots into `images`.

    Raises:
        MarkMissingError: The document doesn't have the marks.
    """
    begin, end = f"<!-- measured: {name} -->", f"<!-- end of {name} -->"
    before, found, rest = document.read_text("utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise MarkMissingError(f"{document.name} has no marks for {name}")
    document.write_text(f"{before}{begin}\n\n{markdown(section)}\n\n{end}{after}", "utf-8")
    images = document.parent / "images"
    images.mkdir(exist_ok=True)
    for plot, (_, drawing) in section.plots.items():
        (images / f"{plot}.svg").write_text(drawing, "utf-8")


def _markdown_table(table: Table) -> str:
    lines = [
        f"**{table.title}**",
        "",
        _markdown_row(table.head),
        _markdown_row(["---", *("---:" for _ in table.head[1:])]),
        *(_markdown_row(row) for row in table.rows),
    ]
    return "\n".join(lines)


def _markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text_table(table: Table) -> str:
    rows = [table.head, *table.rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.head))]
    lines = [table.title]
    for row in rows:
        first, *others = zip(row, widths, strict=True)
        cells = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
