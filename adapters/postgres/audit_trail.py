"""The audit trail, in PostgreSQL."""

import json
from collections.abc import Sequence
from typing import Any, Final, final

from psycopg import AsyncConnection

from adapters.postgres.errors import translated_errors
from adapters.postgres.rows import (
    OCCURRED_AT,
    VISITOR_COLUMNS,
    event_data_of,
    fetch_rows,
    visitor_of,
    visitor_parameters,
)
from application.ports.audit_trail import AuditTrail
from domain.audit_event import AuditEvent, AuditEventType
from domain.identifiers import UserId

#: Adds one event. ``event_parameters`` returns its parameters.
INSERT_EVENT: Final = f"""
INSERT INTO vetassist_auth_audit (
    user_id, event_type, event_data, created_at, {VISITOR_COLUMNS}
)
VALUES (
    %(user_id)s, %(type)s, %(data)s, %(occurred_at)s,
    %(ip_hash)s, %(user_agent_hash)s, %(hash_key_id)s, %(request_id)s, %(operator)s
)
"""  # noqa: S608 - the columns are a constant
# Skips event types that only an earlier phase knew.
_SELECT: Final = f"""
SELECT user_id, event_type, event_data::text AS data, {OCCURRED_AT} AS occurred_at,
    {VISITOR_COLUMNS}
FROM vetassist_auth_audit
WHERE user_id = %s AND event_type = ANY(%s)
ORDER BY created_at, row_number
"""  # noqa: S608 - the columns are a constant


# Uses the index on (user_id, created_at). The other conditions identify the event.
_ON_RECORD: Final = """
SELECT EXISTS (
    SELECT FROM vetassist_auth_audit
    WHERE user_id = %(user_id)s AND created_at = %(occurred_at)s AND event_type = %(type)s
      AND event_data = %(data)s::jsonb AND request_id IS NOT DISTINCT FROM %(request_id)s
)
"""


async def is_on_record(connection: AsyncConnection[Any], event: AuditEvent) -> bool:
    """Whether exactly this event of a user is committed."""
    cursor = await connection.execute(_ON_RECORD, event_parameters(event))
    row: Any = await cursor.fetchone()
    found: bool = row[0]
    return found


@final
class PostgresAuditTrail(AuditTrail):
    """Inserts into ``vetassist_auth_audit`` on one connection.

    Args:
        connection: The connection to use.
        appended: A list to which each added event is appended.
        operator: The operator to record in audit events, or None in a serving process.
    """

    def __init__(
        self,
        connection: AsyncConnection[Any],
        appended: list[AuditEvent],
        operator: str | None = None,
    ) -> None:
        self._connection = connection
        self._appended = appended
        self._operator = operator

    async def append(self, event: AuditEvent) -> None:
        parameters = event_parameters(event) | {"operator": self._operator}
        with translated_errors():
            await self._connection.execute(INSERT_EVENT, parameters)
        self._appended.append(event)

    async def list_for(self, user_id: UserId) -> Sequence[AuditEvent]:
        known = [event_type.value for event_type in AuditEventType]
        rows = await fetch_rows(self._connection, _SELECT, (user_id, known))
        return [
            AuditEvent(
                type=AuditEventType(row["event_type"]),
                occurred_at=row["occurred_at"],
                user_id=UserId(row["user_id"]),
                visitor=visitor_of(row),
                data=event_data_of(row["data"]),
            )
            for row in rows
        ]


def event_parameters(event: AuditEvent) -> dict[str, object]:
    """Returns the parameters of ``INSERT_EVENT``."""
    return {
        "user_id": event.user_id,
        "type": event.type.value,
        "data": json.dumps(dict(event.data)),
        "occurred_at": event.occurred_at,
        **visitor_parameters(event.visitor),
    }
