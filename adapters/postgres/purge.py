"""The purge, in PostgreSQL."""

from datetime import datetime
from typing import Any, Final, final

from psycopg import AsyncConnection

from adapters.postgres.errors import translated_errors
from application.ports.purge import Purge
from domain.login_attempt import ATTEMPT_KEPT_FOR

_ATTEMPTS_KEPT: Final = f" - interval '{ATTEMPT_KEPT_FOR.total_seconds()} seconds'"


# Skips rows that another replica is removing instead of waiting for them. PostgreSQL checks the end
# of a row again once the row is locked, so a session that was renewed in the meantime stays.
def _removal(table: str, key: str, ended_at: str, kept: str = "") -> str:
    return f"""
    WITH gone AS (
        DELETE FROM {table} WHERE ({key}) IN (
            SELECT {key} FROM {table}
            WHERE {ended_at} < %(before)s{kept}
            ORDER BY {ended_at} LIMIT %(limit)s
            FOR UPDATE SKIP LOCKED
        )
        RETURNING 1
    )
    SELECT count(*) FROM gone
    """  # noqa: S608 - the names are constants


_SESSIONS: Final = (
    _removal("vetassist_sessions", "user_id, id", "expires_at"),
    _removal("vetassist_sessions", "user_id, id", "revoked_at"),
)
_SIGN_INS: Final = (
    _removal("vetassist_login_attempts", "state_hash", "expires_at", kept=_ATTEMPTS_KEPT),
    _removal("vetassist_used_assertions", "client_id, id_hash", "forget_at"),
)
_COUNT_SESSIONS: Final = """
SELECT count(*) FROM vetassist_sessions
WHERE expires_at < %(before)s OR revoked_at < %(before)s
"""
_COUNT_SIGN_INS: Final = f"""
SELECT
    (SELECT count(*) FROM vetassist_login_attempts WHERE expires_at < %(before)s{_ATTEMPTS_KEPT})
    + (SELECT count(*) FROM vetassist_handoffs WHERE expires_at < %(before)s)
    + (SELECT count(*) FROM vetassist_used_assertions WHERE forget_at < %(before)s)
"""  # noqa: S608 - the interval is a constant


@final
class PostgresPurge(Purge):
    """Deletes on one connection. Deleted rows stay locked until the unit of work ends."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._connection = connection

    async def sessions(self, *, ended_before: datetime, limit: int) -> int:
        return await self._delete(_SESSIONS, ended_before, limit)

    async def sign_ins(self, *, ended_before: datetime, limit: int) -> int:
        return await self._delete(_SIGN_INS, ended_before, limit)

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
