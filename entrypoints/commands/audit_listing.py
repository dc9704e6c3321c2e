"""Audit events as an operator reads them."""

import difflib
import json
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from domain.audit_event import AuditEventType
from domain.audit_record import AuditRecord
from entrypoints.web.timestamps import rfc3339


def types_of(names: Sequence[str]) -> frozenset[AuditEventType] | None:
    """The types with these names. None, which means all types, if there are no names.

    Raises:
        ValueError: There is no such type. The message suggests the nearest one.
    """
    known = [each.value for each in AuditEventType]
    for name in names:
        if name not in known:
            nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
            raise ValueError(f"there is no event type {name!r}; did you mean {nearest}?")
    return frozenset(map(AuditEventType, names)) or None


def print_table(records: Sequence[AuditRecord], console: Console | None = None) -> None:
    """Print a table for people."""
    table = Table()
    for heading in ("When (UTC)", "What", "User", "Data", "Request", "Operator"):
        table.add_column(heading, overflow="fold")
    for record in records:
        data = " ".join(f"{name}={each}" for name, each in record.data.items())
        table.add_row(
            rfc3339(record.mark.occurred_at),
            _as_text(record.type),
            str(record.user_id or ""),
            _as_text(data),
            _as_text(record.visitor.request_id or ""),
            _as_text(record.visitor.operator or ""),
        )
    (console or Console()).print(table)


def as_json_lines(records: Sequence[AuditRecord]) -> Iterator[str]:
    """JSON objects for scripts, one on each line."""
    for record in records:
        visitor = record.visitor
        yield json.dumps(
            {
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
        )


def _as_text(stored: str) -> Text:
    """The stored text, without markup and without characters that control a terminal."""
    return Text(
        "".join(
            each if each.isprintable() else each.encode("unicode_escape").decode()
            for each in stored
        )
    )
