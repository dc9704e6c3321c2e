"""The purge in PostgreSQL."""

from datetime import datetime
from typing import Any, Final, final

from psycopg import AsyncConnection

from adapters.postgres.errors import translated_errors
from application.ports.purge import Purge

# Rows that another replica is removing are passed over, and none is waited for. A row's end is
# looked at again under the lock, so a session that was renewed meanwhile stays.
_EXPIRED: Final = """
WITH gone AS (
    DELETE FROM vetassist_sessions WHERE (user_id, id) IN (
        SELECT user_id, id FROM vetassist_sessions
        WHERE expires_at < %(before)s
        ORDER BY expires_at LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
    )
    RETURNING 1
)
SELECT count(*) FROM gone
"""
_REVOKED: Final = """
WITH gone AS (
    DELETE FROM vetassist_sessions WHERE (user_id, id) IN (
        SELECT user_id, id FROM vetassist_sessions
        WHERE revoked_at < %(before)s
        ORDER BY revoked_at LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
    )
    RETURNING 1
)
SELECT count(*) FROM gone
"""
_ATTEMPTS: Final = """
WITH gone AS (
    DELETE FROM vetassist_login_attempts WHERE state_hash IN (
        SELECT state_hash FROM vetassist_login_attempts
        WHERE expires_at < %(before)s
        ORDER BY expires_at LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
    )
    RETURNING 1
)
SELECT count(*) FROM gone
"""
_HANDOFFS: Final = """
WITH gone AS (
    DELETE FROM vetassist_handoffs WHERE (user_id, code_hash) IN (
        SELECT user_id, code_hash FROM vetassist_handoffs
        WHERE expires_at < %(before)s
        ORDER BY expires_at LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
    )
    RETURNING 1
)
SELECT count(*) FROM gone
"""
_ASSERTIONS: Final = """
WITH gone AS (
    DELETE FROM vetassist_used_assertions WHERE (client_id, id_hash) IN (
        SELECT client_id, id_hash FROM vetassist_used_assertions
        WHERE forget_at < %(before)s
        ORDER BY forget_at LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
    )
    RETURNING 1
)
SELECT count(*) FROM gone
"""
_COUNT_SESSIONS: Final = """
SELECT count(*) FROM vetassist_sessions
WHERE expires_at < %(before)s OR revoked_at < %(before)s
"""
_COUNT_SIGN_INS: Final = """
SELECT
    (SELECT count(*) FROM vetassist_login_attempts WHERE expires_at < %(before)s)
    + (SELECT count(*) FROM vetassist_handoffs WHERE expires_at < %(before)s)
    + (SELECT count(*) FROM vetassist_used_assertions WHERE forget_at < %(before)s)
"""


@final
class PostgresPurge(Purge):
    """Deletes on one connection. What it has found stays locked until the unit ends."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._connection = connection

    async def sessions(self, *, ended_before: datetime, limit: int) -> int:
        return await self._delete((_EXPIRED, _REVOKED), ended_before, limit)

    async def sign_ins(self, *, ended_before: datetime, limit: int) -> int:
        return await self._delete((_ATTEMPTS, _HANDOFFS, _ASSERTIONS), ended_before, limit)

    async def count_sessions(self, *, ended_before: datetime) -> int:
        return await self._number(_COUNT_SESSIONS, {"before": ended_before})

    async def count_sign_ins(self, *, ended_before: datetime) -> int:
        return await self._number(_COUNT_SIGN_INS, {"before": ended_before})

    async def _delete(self, statements: tuple[str, ...], before: datetime, limit: int) -> int:
        removed = 0
        for statement in statements:
            if removed < limit:
                parameters = {"before": before, "limit": limit - removed}
                removed += await self._number(statement, parameters)
        return removed

    async def _number(self, query: str, parameters: dict[str, object]) -> int:
        with translated_errors():
            cursor = await self._connection.execute(query, parameters)
            row = await cursor.fetchone()
        return 0 if row is None else int(row[0])
