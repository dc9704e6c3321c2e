"""Hand-over codes in PostgreSQL."""

from datetime import datetime
from typing import Any, Final, final

from psycopg import AsyncConnection

from adapters.postgres.errors import translated_errors
from adapters.postgres.rows import fetch_row
from application.ports.handoffs import Handoffs
from domain.app_challenge import AppChallenge
from domain.handoff import Handoff, HandoffHolder

_INSERT: Final = """
INSERT INTO vetassist_handoffs (
    code_hash, browser_hash, app_challenge, user_id, session_id, expires_at
)
VALUES (
    %(code_hash)s, %(browser_hash)s, %(app_challenge)s, %(user_id)s, %(session_id)s, %(expires_at)s
)
"""
# One of the two is NULL, which equals nothing.
_TAKE: Final = """
DELETE FROM vetassist_handoffs
WHERE code_hash = %(code_hash)s AND expires_at > %(now)s
  AND (browser_hash = %(browser_hash)s OR app_challenge = %(app_challenge)s)
RETURNING code_hash, user_id, session_id, expires_at
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
                    "user_id": handoff.user_id,
                    "session_id": handoff.session_id,
                    "expires_at": handoff.expires_at,
                }
                | _columns_of(handoff.holder),
            )

    async def take(
        self, *, code_hash: bytes, holder: HandoffHolder, now: datetime
    ) -> Handoff | None:
        parameters = {"code_hash": code_hash, "now": now} | _columns_of(holder)
        row = await fetch_row(self._connection, _TAKE, parameters)
        return None if row is None else Handoff(holder=holder, **row)


def _columns_of(holder: HandoffHolder) -> dict[str, bytes | None]:
    is_app = isinstance(holder, AppChallenge)
    return {
        "browser_hash": None if is_app else holder.digest,
        "app_challenge": holder.digest if is_app else None,
    }
