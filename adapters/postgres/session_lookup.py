"""Whether a session still stands, asked of PostgreSQL."""

from typing import Any, Final, final

from psycopg.rows import dict_row

from adapters.postgres.errors import translated_errors
from adapters.postgres.pool import Pool
from application.ports.session_lookup import SessionLookup
from domain.identifiers import SessionId, TokenId, UserId
from domain.session import Session

_SELECT: Final = """
SELECT id, user_id, jwt_id, device_info, created_at, expires_at, revoked_at
FROM vetassist_sessions
WHERE user_id = %s AND id = %s
"""


@final
class PostgresSessionLookup(SessionLookup):
    """One statement, one index probe, on a pooled connection to the primary."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find(self, user_id: UserId, session_id: SessionId) -> Session | None:
        with translated_errors():
            async with (
                self._pool.connection() as connection,
                connection.cursor(row_factory=dict_row) as cursor,
            ):
                await cursor.execute(_SELECT, (user_id, session_id))
                row = await cursor.fetchone()
        return None if row is None else _session_of(row)


def _session_of(row: dict[str, Any]) -> Session:
    device = row["device_info"]
    user_agent = device.get("user_agent") if isinstance(device, dict) else None
    return Session(
        id=SessionId(row["id"]),
        user_id=UserId(row["user_id"]),
        token_id=TokenId(row["jwt_id"]),
        user_agent=user_agent,
        issued_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
    )
