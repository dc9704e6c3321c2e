"""Sessions in PostgreSQL."""

import json
from datetime import datetime
from typing import Any, Final, final

from psycopg import AsyncConnection

from adapters.postgres.errors import translated_errors
from application.ports.session_repository import SessionRepository
from domain.identifiers import SessionId, UserId
from domain.session import Session

_INSERT: Final = """
INSERT INTO vetassist_sessions (id, user_id, jwt_id, device_info, created_at, expires_at)
VALUES (%(id)s, %(user_id)s, %(token_id)s, %(device)s, %(issued_at)s, %(expires_at)s)
"""
_REVOKE: Final = """
UPDATE vetassist_sessions SET revoked_at = %(now)s
WHERE user_id = %(user_id)s AND id = %(session_id)s AND revoked_at IS NULL AND expires_at > %(now)s
RETURNING id
"""
_REVOKE_ALL: Final = """
UPDATE vetassist_sessions SET revoked_at = %(now)s
WHERE user_id = %(user_id)s AND revoked_at IS NULL AND expires_at > %(now)s
RETURNING id
"""


@final
class PostgresSessionRepository(SessionRepository):
    """Reads and writes ``vetassist_sessions`` on one connection."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._connection = connection

    async def add(self, session: Session) -> None:
        with translated_errors():
            await self._connection.execute(
                _INSERT,
                {
                    "id": session.id,
                    "user_id": session.user_id,
                    "token_id": session.token_id,
                    "device": json.dumps({"user_agent": session.user_agent}),
                    "issued_at": session.issued_at,
                    "expires_at": session.expires_at,
                },
            )

    async def revoke(self, user_id: UserId, session_id: SessionId, *, now: datetime) -> bool:
        parameters = {"user_id": user_id, "session_id": session_id, "now": now}
        return bool(await self._ids(_REVOKE, parameters))

    async def revoke_all(self, user_id: UserId, *, now: datetime) -> list[SessionId]:
        return await self._ids(_REVOKE_ALL, {"user_id": user_id, "now": now})

    async def _ids(self, query: str, parameters: dict[str, object]) -> list[SessionId]:
        with translated_errors():
            cursor = await self._connection.execute(query, parameters)
            return sorted(SessionId(row[0]) for row in await cursor.fetchall())
