"""The audit trail in PostgreSQL, for reading it."""

from collections.abc import Sequence
from typing import Any, Final, final

from psycopg.rows import dict_row

from adapters.postgres.errors import translated_errors
from adapters.postgres.pool import Pool
from application.ports.audit_history import AuditHistory
from domain.audit_event import AuditEvent, AuditEventType
from domain.audit_record import AuditFilter, AuditMark, AuditRecord
from domain.identifiers import UserId
from domain.visitor import Visitor

# The index on (user_id, created_at) is walked backwards; the id, of whatever type an earlier
# phase gave it, only tells apart what happened at the same instant. To a session and to a client
# lead their ids as the trail has them, as texts.
_SELECT: Final = """
SELECT
    trail.id::text AS key, trail.user_id, trail.event_type, trail.event_data, trail.created_at,
    trail.ip_hash, trail.user_agent_hash, trail.hash_key_id, trail.request_id,
    session.device_info ->> 'user_agent' AS user_agent, client.name AS client_name
FROM vetassist_auth_audit AS trail
LEFT JOIN vetassist_sessions AS session
    ON session.user_id = trail.user_id AND session.id::text = trail.event_data ->> 'session_id'
LEFT JOIN vetassist_service_clients AS client ON client.id::text = trail.event_data ->> 'client'
WHERE trail.event_type = ANY(%(types)s)
  AND (%(user_id)s::uuid IS NULL OR trail.user_id = %(user_id)s::uuid)
  AND (%(since)s::timestamptz IS NULL OR trail.created_at >= %(since)s::timestamptz)
  AND (%(until)s::timestamptz IS NULL OR trail.created_at < %(until)s::timestamptz)
  AND (
    %(after)s::timestamptz IS NULL OR trail.created_at < %(after)s::timestamptz
    OR (trail.created_at = %(after)s::timestamptz AND trail.id::text < %(key)s)
  )
ORDER BY trail.created_at DESC, trail.id::text DESC
LIMIT %(limit)s
"""


@final
class PostgresAuditHistory(AuditHistory):
    """One statement on a pooled connection."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def list(
        self, wanted: AuditFilter, *, after: AuditMark | None, limit: int
    ) -> Sequence[AuditRecord]:
        # An earlier phase may have left types that this catalogue does not know.
        types = AuditEventType if wanted.types is None else wanted.types
        parameters = {
            "user_id": wanted.user_id,
            "types": [event_type.value for event_type in types],
            "since": wanted.since,
            "until": wanted.until,
            "after": after and after.occurred_at,
            "key": after.key if after else "",
            "limit": limit,
        }
        with translated_errors():
            async with (
                self._pool.connection() as connection,
                connection.cursor(row_factory=dict_row) as cursor,
            ):
                await cursor.execute(_SELECT, parameters)
                return [_record_of(row) for row in await cursor.fetchall()]


def _record_of(row: dict[str, Any]) -> AuditRecord:
    return AuditRecord(
        mark=AuditMark(occurred_at=row["created_at"], key=row["key"]),
        event=AuditEvent(
            type=AuditEventType(row["event_type"]),
            occurred_at=row["created_at"],
            user_id=None if row["user_id"] is None else UserId(row["user_id"]),
            visitor=Visitor(
                address_hash=row["ip_hash"],
                user_agent_hash=row["user_agent_hash"],
                key_id=row["hash_key_id"],
                request_id=row["request_id"],
            ),
            data=row["event_data"] or {},
        ),
        user_agent=row["user_agent"],
        client_name=row["client_name"],
    )
