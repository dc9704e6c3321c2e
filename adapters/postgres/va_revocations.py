"""The outbox of tokens to revoke at VA, in PostgreSQL."""

from datetime import datetime
from typing import Any, Final, final
from uuid import UUID

from psycopg import AsyncConnection

from adapters.postgres.errors import translated_errors
from adapters.postgres.rows import fetch_rows
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
# Materialized so that no plan runs the limited query twice and claims more rows.
_CLAIM: Final = """
WITH due AS MATERIALIZED (
    SELECT user_id, id FROM vetassist_va_revocations
    WHERE due_at <= %(now)s
    ORDER BY due_at LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
UPDATE vetassist_va_revocations AS entry SET due_at = %(busy_until)s, attempts = attempts + 1
FROM due
WHERE entry.user_id = due.user_id AND entry.id = due.id
RETURNING entry.*
"""
_PUT_OFF: Final = "UPDATE vetassist_va_revocations SET due_at = %s WHERE id = %s"
_DELETE: Final = "DELETE FROM vetassist_va_revocations WHERE id = %s"
_LIST: Final = """
SELECT * FROM vetassist_va_revocations
WHERE data_key_master_id <> %(master_key_id)s
  AND (%(after)s::uuid IS NULL OR id > %(after)s::uuid)
ORDER BY id
LIMIT %(limit)s
"""
_COUNT: Final = "SELECT count(*) FROM vetassist_va_revocations WHERE data_key_master_id <> %s"
_REPLACE_KEY: Final = """
UPDATE vetassist_va_revocations SET
    data_key = %(box)s, data_key_version = %(version)s, data_key_master_id = %(master_key_id)s
WHERE id = %(id)s AND data_key = %(old)s
RETURNING id
"""


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
        rows = await fetch_rows(self._connection, _CLAIM, parameters)
        return [_revocation_of(row) for row in rows]

    async def put_off(self, revocation_id: UUID, *, until: datetime) -> None:
        with translated_errors():
            await self._connection.execute(_PUT_OFF, (until, revocation_id))

    async def remove(self, revocation_id: UUID) -> None:
        with translated_errors():
            await self._connection.execute(_DELETE, (revocation_id,))

    async def list_not_under(
        self, master_key_id: str, *, after: UUID | None, limit: int
    ) -> list[VARevocation]:
        parameters = {"master_key_id": master_key_id, "after": after, "limit": limit}
        rows = await fetch_rows(self._connection, _LIST, parameters)
        return [_revocation_of(row) for row in rows]

    async def count_not_under(self, master_key_id: str) -> int:
        (row,) = await fetch_rows(self._connection, _COUNT, (master_key_id,))
        return int(row["count"])

    async def replace_key(
        self, revocation_id: UUID, old: WrappedDataKey, new: WrappedDataKey
    ) -> bool:
        parameters = {
            "id": revocation_id,
            "old": old.box,
            "box": new.box,
            "version": new.version,
            "master_key_id": new.master_key_id,
        }
        return bool(await fetch_rows(self._connection, _REPLACE_KEY, parameters))


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
