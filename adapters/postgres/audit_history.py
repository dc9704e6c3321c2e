"""The audit trail in PostgreSQL, for reading it."""

from collections.abc import Sequence
from typing import Any, Final, final

from psycopg.rows import dict_row

from adapters.postgres.errors import translated_errors
from adapters.postgres.pool import Pool
from adapters.postgres.rows import VISITOR_COLUMNS, visitor_of
from application.ports.audit_history import AuditHistory
from domain.audit_event import AuditEvent, AuditEventType
from domain.audit_record import AuditFilter, AuditMark, AuditRecord
from domain.identifiers import UserId

# The index on (user_id, created_at) is walked backwards from where the page begins; the id, of
# whatever type an earlier phase gave it, only tells apart what happened at the same instant. Only
# what is shown is looked up beside the trail, by the ids that stand there as texts.
_SELECT: Final = f"""
WITH page AS MATERIALIZED (
    SELECT
        id::text AS key, user_id, event_type, event_data, created_at, {VISITOR_COLUMNS}
    FROM vetassist_auth_audit
    WHERE {{conditions}}
    ORDER BY created_at DESC, id::text DESC
    LIMIT %(limit)s
)
SELECT page.*, session.device_info ->> 'user_agent' AS user_agent, client.name AS client_name
FROM page
LEFT JOIN vetassist_sessions AS session
    ON session.user_id = page.user_id AND session.id::text = page.event_data ->> 'session_id'
LEFT JOIN vetassist_service_clients AS client ON client.id::text = page.event_data ->> 'client'
ORDER BY page.created_at DESC, page.key DESC
"""  # noqa: S608 - the columns are a constant
_OF_TYPE: Final = "event_type = ANY(%(types)s)"
_OF_USER: Final = "user_id = %(user_id)s"
_SINCE: Final = "created_at >= %(since)s"
_UNTIL: Final = "created_at < %(until)s"
_AFTER: Final = "created_at <= %(after)s AND (created_at < %(after)s OR id::text < %(key)s)"


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
                # Only what is asked for is in the statement, so that its plan fits it.
                await cursor.execute(_statement(wanted, after).encode(), parameters)
                return [_record_of(row) for row in await cursor.fetchall()]


def _statement(wanted: AuditFilter, after: AuditMark | None) -> str:
    conditions = [
        _OF_TYPE,
        *([] if wanted.user_id is None else [_OF_USER]),
        *([] if wanted.since is None else [_SINCE]),
        *([] if wanted.until is None else [_UNTIL]),
        *([] if after is None else [_AFTER]),
    ]
    return _SELECT.format(conditions=" AND ".join(conditions))


def _record_of(row: dict[str, Any]) -> AuditRecord:
    return AuditRecord(
        mark=AuditMark(occurred_at=row["created_at"], key=row["key"]),
        event=AuditEvent(
            type=AuditEventType(row["event_type"]),
            occurred_at=row["created_at"],
            user_id=None if row["user_id"] is None else UserId(row["user_id"]),
            visitor=visitor_of(row),
            data=row["event_data"] or {},
        ),
        user_agent=row["user_agent"],
        client_name=row["client_name"],
    )
