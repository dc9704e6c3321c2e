"""How the service is used, counted in PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, final

from adapters.postgres.errors import translated_errors
from adapters.postgres.pool import Pool
from application.ports.service_figures import SUCCESS, ServiceFigures, SignInCount
from domain.audit_event import AuditEventType

# Both use an index by time.
_SIGN_INS: Final = """
SELECT date_trunc('hour', created_at, 'UTC') AS hour,
    CASE event_type WHEN %(login)s THEN %(success)s
    ELSE coalesce(event_data ->> 'error', '') END AS outcome,
    count(*) AS number
FROM vetassist_auth_audit
WHERE created_at >= %(since)s AND event_type IN (%(login)s, %(failed)s)
GROUP BY 1, 2 ORDER BY 1, 2
"""
_LIVE_SESSIONS: Final = """
SELECT count(*) AS number FROM vetassist_sessions
WHERE expires_at > %(now)s AND revoked_at IS NULL
"""


@final
class PostgresServiceFigures(ServiceFigures):
    """Counts rows on a pooled connection."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def sign_ins(self, *, since: datetime) -> Sequence[SignInCount]:
        parameters = {
            "since": since,
            "login": AuditEventType.LOGIN.value,
            "failed": AuditEventType.LOGIN_FAILED.value,
            "success": SUCCESS,
        }
        with translated_errors():
            rows = await self._pool.rows(_SIGN_INS, parameters)
        return [SignInCount(**row) for row in rows]

    async def live_sessions(self, *, now: datetime) -> int:
        with translated_errors():
            (row,) = await self._pool.rows(_LIVE_SESSIONS, {"now": now})
        number: int = row["number"]
        return number
