"""The audit trail in PostgreSQL."""

import json
from collections.abc import Sequence
from typing import Any, Final, final

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from adapters.postgres.errors import translated_errors
from application.ports.audit_trail import AuditTrail
from domain.audit_event import AuditEvent, AuditEventType
from domain.identifiers import UserId
from domain.visitor import Visitor

#: Adds one event; its parameters are those of ``event_parameters``.
INSERT_EVENT: Final = """
INSERT INTO vetassist_auth_audit (
    user_id, event_type, event_data, ip_hash, user_agent_hash, hash_key_id, request_id, created_at
)
VALUES (
    %(user_id)s, %(type)s, %(data)s, %(ip_hash)s, %(user_agent_hash)s, %(hash_key_id)s,
    %(request_id)s, %(occurred_at)s
)
"""
# An earlier phase may have left types that this catalogue does not know.
_SELECT: Final = """
SELECT
    user_id, event_type, event_data, ip_hash, user_agent_hash, hash_key_id, request_id, created_at
FROM vetassist_auth_audit
WHERE user_id = %s AND event_type = ANY(%s)
ORDER BY created_at, row_number
"""


@final
class PostgresAuditTrail(AuditTrail):
    """Plain inserts into ``vetassist_auth_audit`` on one connection.

    Args:
        connection: Where to write.
        appended: Takes the types of the events that were added.
    """

    def __init__(self, connection: AsyncConnection[Any], appended: list[str]) -> None:
        self._connection = connection
        self._appended = appended

    async def append(self, event: AuditEvent) -> None:
        with translated_errors():
            await self._connection.execute(INSERT_EVENT, event_parameters(event))
        self._appended.append(event.type.value)

    async def list_for(self, user_id: UserId) -> Sequence[AuditEvent]:
        known = [event_type.value for event_type in AuditEventType]
        with translated_errors():
            async with self._connection.cursor(row_factory=dict_row) as cursor:
                await cursor.execute(_SELECT, (user_id, known))
                rows = await cursor.fetchall()
        return [
            AuditEvent(
                type=AuditEventType(row["event_type"]),
                occurred_at=row["created_at"],
                user_id=UserId(row["user_id"]),
                visitor=Visitor(
                    address_hash=row["ip_hash"],
                    user_agent_hash=row["user_agent_hash"],
                    key_id=row["hash_key_id"],
                    request_id=row["request_id"],
                ),
                data=row["event_data"] or {},
            )
            for row in rows
        ]


def event_parameters(event: AuditEvent) -> dict[str, object]:
    """The parameters of ``INSERT_EVENT``."""
    return {
        "user_id": event.user_id,
        "type": event.type.value,
        "data": json.dumps(dict(event.data)),
        "ip_hash": event.visitor.address_hash,
        "user_agent_hash": event.visitor.user_agent_hash,
        "hash_key_id": event.visitor.key_id,
        "request_id": event.visitor.request_id,
        "occurred_at": event.occurred_at,
    }
