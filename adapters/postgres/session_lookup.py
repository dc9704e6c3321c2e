"""Whether a session still stands, asked of PostgreSQL."""

from typing import Final, final

from psycopg.rows import class_row

from adapters.postgres.errors import translated_errors
from adapters.postgres.pool import Pool
from application.ports.session_lookup import SessionLookup
from domain.identifiers import SessionId, UserId
from domain.session_standing import SessionStanding

_SELECT: Final = """
SELECT
    id AS session_id,
    user_id,
    created_at AS issued_at,
    coalesce(renewed_at, created_at) AS renewed_at,
    expires_at,
    coalesce(absolute_expires_at, expires_at) AS absolute_expires_at,
    revoked_at IS NOT NULL AS is_revoked
FROM vetassist_sessions
WHERE user_id = %s AND id = %s
"""


@final
class PostgresSessionLookup(SessionLookup):
    """One statement, one index probe, on a pooled connection to the primary."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find(self, user_id: UserId, session_id: SessionId) -> SessionStanding | None:
        with translated_errors():
            async with (
                self._pool.connection() as connection,
                connection.cursor(row_factory=class_row(SessionStanding)) as cursor,
            ):
                await cursor.execute(_SELECT, (user_id, session_id))
                return await cursor.fetchone()
