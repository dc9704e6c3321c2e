"""The history in PostgreSQL."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, final

from adapters.postgres.errors import translated_errors
from adapters.postgres.pool import Pool
from adapters.postgres.rows import OCCURRED_AT, VISITOR_COLUMNS, event_data_of, visitor_of
from application.ports.audit_history import AuditHistory
from domain.audit_record import AuditFilter, AuditMark, AuditRecord
from domain.identifiers import UserId

# The index on (user_id, created_at) is scanned backwards from the start of the page. The id orders
# events of the same instant. It's compared as text, because an earlier phase may have given it any
# type. The other tables are joined only for the rows of the page, by the ids in the event data,
# which are text.
_SELECT: Final = f"""
WITH page AS MATERIALIZED (
    SELECT
        id::text AS key, user_id, event_type, event_data::text AS data, created_at::text AS place,
        {OCCURRED_AT} AS occurred_at, {VISITOR_COLUMNS}
    FROM vetassist_auth_audit
    WHERE {{conditions}}
    ORDER BY created_at DESC, id::text DESC
    LIMIT %(limit)s
)
SELECT
    page.*, session.device_info ->> 'user_agent' AS user_agent, client.name AS client_name,
    front_end.name AS front_end_name
FROM page
LEFT JOIN vetassist_sessions AS session
    ON session.user_id = page.user_id AND session.id::text = page.data::jsonb ->> 'session_id'
LEFT JOIN vetassist_service_clients AS client ON client.id::text = page.data::jsonb ->> 'client'
LEFT JOIN vetassist_front_ends AS front_end
    ON front_end.id::text = page.data::jsonb ->> 'front_end'
ORDER BY page.place::timestamptz DESC, page.key DESC
"""  # noqa: S608 - the columns are a constant
_OF_TYPE: Final = "event_type = ANY(%(types)s)"
_OF_USER: Final = "user_id = %(user_id)s"
# Only for merged accounts, because it reads all events of these users.
_OF_SEVERAL: Final = "user_id = ANY(%(user_ids)s)"
# Each of these has an index. Only this service writes the ids, and never longer ones.
_OF_REQUEST: Final = "request_id = %(reference)s"
_OF_OPERATOR: Final = "operator = %(operator)s"
_OF_SESSION: Final = "left(event_data ->> 'session_id', 36) = %(session_id)s"
_OF_CLIENT: Final = "left(event_data ->> 'client', 36) = %(client_id)s"
_SINCE: Final = "created_at >= %(since)s"
_UNTIL: Final = "created_at < %(until)s"
# ``bound`` limits the index scan. Times after ``_LAST`` are shown as ``_LAST``, so a page that
# continues from there has no bound.
_AFTER: Final = f"""
created_at <= %(bound)s::timestamptz AND ({OCCURRED_AT} < %(after)s OR id::text < %(key)s)
"""
_LAST: Final = datetime(9999, 12, 30, tzinfo=UTC)


@final
class PostgresAuditHistory(AuditHistory):
    """Reads ``vetassist_auth_audit`` with one statement on a pooled connection."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def list(
        self, wanted: AuditFilter, *, after: AuditMark | None, limit: int
    ) -> Sequence[AuditRecord]:
        is_behind_all = after is not None and after.occurred_at >= _LAST
        parameters = {
            "user_id": wanted.user_id,
            "user_ids": [wanted.user_id, *wanted.also_of],
            "reference": wanted.reference,
            "operator": wanted.operator,
            "session_id": str(wanted.session_id),
            "client_id": str(wanted.client_id),
            "types": [event_type.value for event_type in wanted.types or ()],
            "since": wanted.since,
            "until": wanted.until,
            "after": after and after.occurred_at,
            "bound": "infinity" if is_behind_all else after and after.occurred_at,
            "key": after.key if after else "",
            "limit": limit,
        }
        with translated_errors():
            # The statement has only the conditions that are needed, so that its plan fits them.
            rows = await self._pool.rows(_statement(wanted, after), parameters)
        return [_record_of(row) for row in rows]


def _statement(wanted: AuditFilter, after: AuditMark | None) -> str:
    conditions = {
        _OF_TYPE: wanted.types is not None,
        _OF_SEVERAL if wanted.also_of else _OF_USER: wanted.user_id is not None,
        _OF_REQUEST: wanted.reference is not None,
        _OF_OPERATOR: wanted.operator is not None,
        _OF_SESSION: wanted.session_id is not None,
        _OF_CLIENT: wanted.client_id is not None,
        _SINCE: wanted.since is not None,
        _UNTIL: wanted.until is not None,
        _AFTER: after is not None,
    }
    needed = [condition for condition, is_needed in conditions.items() if is_needed]
    return _SELECT.format(conditions=" AND ".join(["true", *needed]))


def _record_of(row: dict[str, Any]) -> AuditRecord:
    return AuditRecord(
        mark=AuditMark(occurred_at=row["occurred_at"], key=row["key"]),
        type=row["event_type"],
        user_id=None if row["user_id"] is None else UserId(row["user_id"]),
        visitor=visitor_of(row),
        data=event_data_of(row["data"]),
        user_agent=row["user_agent"],
        client_name=row["client_name"],
        front_end_name=row["front_end_name"],
    )
