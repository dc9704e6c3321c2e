"""The outbox of tokens to be revoked, in PostgreSQL."""

from datetime import datetime
from typing import Any, Final, final
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from adapters.postgres.errors import translated_errors
from application.ports.va_revocations import VARevocations
from domain.data_key import WrappedDataKey
from domain.identifiers import UserId
from domain.va_revocation import VARevocation

_INSERT: Final = """
INSERT INTO vetassist_va_revocations (
    id, user_id, data_key, data_key_version, data_key_master_id,
    token_encrypted, is_refresh_token, created_at, due_at, attempts
)
VALUES (
    %(id)s, %(user_id)s, %(data_key)s, %(data_key_version)s, %(data_key_master_id)s,
    %(token)s, %(is_refresh_token)s, %(created_at)s, %(due_at)s, %(attempts)s
)
"""
_CLAIM: Final = """
UPDATE vetassist_va_revocations SET due_at = %(busy_until)s, attempts = attempts + 1
WHERE id IN (
    SELECT id FROM vetassist_va_revocations
    WHERE due_at <= %(now)s
    ORDER BY due_at LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
RETURNING *
"""
_PUT_OFF: Final = "UPDATE vetassist_va_revocations SET due_at = %s WHERE id = %s"
_DELETE: Final = "DELETE FROM vetassist_va_revocations WHERE id = %s"


@final
class PostgresVARevocations(VARevocations):
    """Reads and writes ``vetassist_va_revocations`` on one connection."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._connection = connection

    async def add(self, revocation: VARevocation) -> None:
        parameters = {
            "id": revocation.id,
            "user_id": revocation.user_id,
            "data_key": revocation.key.box,
            "data_key_version": revocation.key.version,
            "data_key_master_id": revocation.key.master_key_id,
            "token": revocation.token,
            "is_refresh_token": revocation.is_refresh_token,
            "created_at": revocation.created_at,
            "due_at": revocation.due_at,
            "attempts": revocation.attempts,
        }
        with translated_errors():
            await self._connection.execute(_INSERT, parameters)

    async def claim(self, *, now: datetime, busy_until: datetime, limit: int) -> list[VARevocation]:
        parameters = {"now": now, "busy_until": busy_until, "limit": limit}
        with translated_errors():
            async with self._connection.cursor(row_factory=dict_row) as cursor:
                await cursor.execute(_CLAIM, parameters)
                return [_revocation_of(row) for row in await cursor.fetchall()]

    async def put_off(self, revocation_id: UUID, *, until: datetime) -> None:
        with translated_errors():
            await self._connection.execute(_PUT_OFF, (until, revocation_id))

    async def remove(self, revocation_id: UUID) -> None:
        with translated_errors():
            await self._connection.execute(_DELETE, (revocation_id,))


def _revocation_of(row: dict[str, Any]) -> VARevocation:
    user_id = UserId(row["user_id"])
    return VARevocation(
        id=row["id"],
        user_id=user_id,
        key=WrappedDataKey(
            user_id=user_id,
            version=row["data_key_version"],
            master_key_id=row["data_key_master_id"],
            box=row["data_key"],
        ),
        token=row["token_encrypted"],
        is_refresh_token=row["is_refresh_token"],
        created_at=row["created_at"],
        due_at=row["due_at"],
        attempts=row["attempts"],
    )
