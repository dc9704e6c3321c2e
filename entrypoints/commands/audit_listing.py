"""Audit events as an operator reads them."""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from domain.audit_event import AuditEventType
from domain.audit_record import AuditRecord
from entrypoints.commands import tables
from entrypoints.spreadsheets import BYTE_ORDER_MARK, csv_line
from entrypoints.web.timestamps import rfc3339

_HEADINGS: Final = ("When (UTC)", "What", "User", "Data", "Request", "Operator")
_COLUMNS: Final = (
    "occurred_at",
    "type",
    "user_id",
    "data",
    "address_hash",
    "user_agent_hash",
    "hash_key_id",
    "request_id",
    "operator",
)
#: How many names a suggestion has at most.
_SUGGESTED: Final = 4
#: A shorter part of a name says nothing.
_SHORTEST: Final = 3


def types_of(names: Sequence[str]) -> frozenset[AuditEventType] | None:
    """The types with these names, in any case. None, which means all types, if there are no names.

    Raises:
        ValueError: There is no such type. The message suggests similar ones, or names all.
    """
    known = [each.value for each in AuditEventType]
    words = [name.strip().lower() for name in names]
    for name, word in zip(names, words, strict=True):
        if word not in known:
            raise ValueError(f"there is no event type {name!r}; {_suggestion(word, known)}")
    return frozenset(map(AuditEventType, words)) or None


def print_table(records: Sequence[AuditRecord]) -> None:
    """Print a table for people."""
    tables.print_table(_HEADINGS, [_record(each) for each in records])


def as_json_lines(records: Sequence[AuditRecord]) -> Iterator[str]:
    """JSON objects for scripts, one on each line."""
    for record in records:
        yield json.dumps(fields_of(record))


def as_csv(records: Sequence[AuditRecord]) -> Iterator[bytes]:
    """CSV for spreadsheet programs, one line at a time. The data is a cell of JSON."""
    yield BYTE_ORDER_MARK + csv_line(_COLUMNS)
    for record in records:
        yield csv_line(_cells(fields_of(record)))


def fields_of(record: AuditRecord) -> Mapping[str, object]:
    """The event as JSON."""
    visitor = record.visitor
    return {
        "occurred_at": rfc3339(record.mark.occurred_at),
        "type": record.type,
        "user_id": None if record.user_id is None else str(record.user_id),
        "data": dict(record.data),
        "address_hash": visitor.address_hash,
        "user_agent_hash": visitor.user_agent_hash,
        "hash_key_id": visitor.key_id,
        "request_id": visitor.request_id,
        "operator": visitor.operator,
    }


def _cells(fields: Mapping[str, object]) -> list[object]:
    return [
        json.dumps(fields[name], ensure_ascii=False) if name == "data" else fields[name]
        for name in _COLUMNS
    ]


def _record(record: AuditRecord) -> Sequence[tables.Cell]:
    return (
        rfc3339(record.mark.occurred_at),
        record.type,
        str(record.user_id or ""),
        [f"{name}={each}" for name, each in record.data.items()],
        record.visitor.request_id or "",
        record.visitor.operator or "",
    )


def _suggestion(name: str, known: Sequence[str]) -> str:
    word = name.replace("-", "_")
    similar = difflib.get_close_matches(word, known, n=_SUGGESTED)
    # What begins or ends with the word is similar too, however much longer it is.
    parts = [each for each in known if word in each] if len(word) >= _SHORTEST else []
    similar += [each for each in parts if each not in similar]
    if similar:
        return f"did you mean {' or '.join(similar[:_SUGGESTED])}?"
    return f"it is one of {', '.join(known)}"
