"""Events of the audit trail as an operator reads them."""

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
    """The types of these names; None, which is all of them, for none.

    Raises:
        ValueError: There is no such type; the message names the nearest.
    """
    known = [each.value for each in AuditEventType]
    for name in names:
        if name not in known:
            nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
            raise ValueError(f"there is no event type {name!r}; did you mean {nearest}?")
    return frozenset(map(AuditEventType, names)) or None


def print_table(records: Sequence[AuditRecord], console: Console | None = None) -> None:
    """For people."""
    table = Table()
    for heading in ("When (UTC)", "What", "User", "Data", "Request", "Operator"):
        table.add_column(heading, overflow="fold")
    for record in records:
        event = record.event
        data = " ".join(f"{name}={each}" for name, each in event.data.items())
        table.add_row(
            rfc3339(event.occurred_at),
            event.type.value,
            str(event.user_id or ""),
            # Whatever stands there is text, and no markup.
            Text(data),
            event.visitor.request_id or "",
            event.visitor.operator or "",
        )
    (console or Console()).print(table)


def as_json_lines(records: Sequence[AuditRecord]) -> Iterator[str]:
    """For scripts: an object a line."""
    for record in records:
        event = record.event
        yield json.dumps(
            {
                "occurred_at": rfc3339(event.occurred_at),
                "type": event.type.value,
                "user_id": None if event.user_id is None else str(event.user_id),
                "data": dict(event.data),
                "address_hash": event.visitor.address_hash,
                "user_agent_hash": event.visitor.user_agent_hash,
                "hash_key_id": event.visitor.key_id,
                "request_id": event.visitor.request_id,
                "operator": event.visitor.operator,
            }
        )
