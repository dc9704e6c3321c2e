"""The purge in PostgreSQL."""

from datetime import datetime
from typing import Final, final

from adapters.postgres.audit_trail import INSERT_EVENT, event_parameters
from adapters.postgres.errors import translated_errors
from adapters.postgres.pool import Pool
from application.ports.purge import Note, Purge

# Rows that another replica is removing are passed over, and none is waited for. A row's end is
# looked at again under the lock, so a session that was renewed meanwhile stays.
_EXPIRED: Final = """
DELETE FROM vetassist_sessions WHERE (user_id, id) IN (
    SELECT user_id, id FROM vetassist_sessions
    WHERE expires_at < %(before)s
    ORDER BY expires_at LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
"""
_REVOKED: Final = """
DELETE FROM vetassist_sessions WHERE (user_id, id) IN (
    SELECT user_id, id FROM vetassist_sessions
    WHERE revoked_at < %(before)s
    ORDER BY revoked_at LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
"""
_ATTEMPTS: Final = """
DELETE FROM vetassist_login_attempts WHERE state_hash IN (
    SELECT state_hash FROM vetassist_login_attempts
    WHERE expires_at < %(before)s
    ORDER BY expires_at LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
"""
_HANDOFFS: Final = """
DELETE FROM vetassist_handoffs WHERE (user_id, code_hash) IN (
    SELECT user_id, code_hash FROM vetassist_handoffs
    WHERE expires_at < %(before)s
    ORDER BY expires_at LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
"""
_ASSERTIONS: Final = """
DELETE FROM vetassist_used_assertions WHERE (client_id, id_hash) IN (
    SELECT client_id, id_hash FROM vetassist_used_assertions
    WHERE forget_at < %(before)s
    ORDER BY forget_at LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
"""


@final
class PostgresPurge(Purge):
    """Each batch is one transaction."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def sessions(self, *, ended_before: datetime, limit: int, note: Note) -> int:
        return await self._delete((_EXPIRED, _REVOKED), ended_before, limit, note)

    async def sign_ins(self, *, ended_before: datetime, limit: int, note: Note) -> int:
        return await self._delete((_ATTEMPTS, _HANDOFFS, _ASSERTIONS), ended_before, limit, note)

    async def _delete(
        self, statements: tuple[str, ...], before: datetime, limit: int, note: Note
    ) -> int:
        removed = 0
        with translated_errors():
            async with self._pool.connection() as connection, connection.transaction():
                for statement in statements:
                    cursor = await connection.execute(
                        statement, {"before": before, "limit": limit - removed}
                    )
                    removed += cursor.rowcount
                if removed:
                    await connection.execute(INSERT_EVENT, event_parameters(note(removed)))
        return removed
