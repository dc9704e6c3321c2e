"""Hand-over codes in PostgreSQL."""

from datetime import datetime
from typing import Any, Final, final

from psycopg import AsyncConnection

from adapters.postgres.errors import translated_errors
from adapters.postgres.rows import fetch_row, fetch_rows
from application.ports.handoffs import Handoffs
from domain.handoff import Handoff

_INSERT: Final = """
INSERT INTO vetassist_handoffs (code_hash, browser_hash, user_id, session_id, expires_at)
VALUES (%(code_hash)s, %(browser_hash)s, %(user_id)s, %(session_id)s, %(expires_at)s)
"""
_TAKE: Final = """
DELETE FROM vetassist_handoffs
WHERE code_hash = %(code_hash)s AND browser_hash = %(browser_hash)s AND expires_at > %(now)s
RETURNING code_hash, browser_hash, user_id, session_id, expires_at
"""

_TAKE_EXPIRED: Final = """
DELETE FROM vetassist_handoffs WHERE (user_id, code_hash) IN (
    SELECT user_id, code_hash FROM vetassist_handoffs
    WHERE expires_at < %(before)s
    ORDER BY expires_at LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
RETURNING code_hash, browser_hash, user_id, session_id, expires_at
"""


@final
class PostgresHandoffs(Handoffs):
    """Reads and writes ``vetassist_handoffs`` on one connection."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._connection = connection

    async def add(self, handoff: Handoff) -> None:
        with translated_errors():
            await self._connection.execute(
                _INSERT,
                {
                    "code_hash": handoff.code_hash,
                    "browser_hash": handoff.browser_hash,
                    "user_id": handoff.user_id,
                    "session_id": handoff.session_id,
                    "expires_at": handoff.expires_at,
                },
            )

    async def take(self, *, code_hash: bytes, browser_hash: bytes, now: datetime) -> Handoff | None:
        parameters = {"code_hash": code_hash, "browser_hash": browser_hash, "now": now}
        row = await fetch_row(self._connection, _TAKE, parameters)
        return None if row is None else Handoff(**row)

    async def take_expired(self, *, before: datetime, limit: int) -> list[Handoff]:
        parameters = {"before": before, "limit": limit}
        rows = await fetch_rows(self._connection, _TAKE_EXPIRED, parameters)
        return [Handoff(**row) for row in rows]
