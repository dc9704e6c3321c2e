"""Wrapped data keys in PostgreSQL, stored with their users."""

from typing import Any, Final, final

from psycopg import AsyncConnection

from adapters.postgres.errors import translated_errors
from adapters.postgres.rows import DATA_KEY_COLUMNS, data_key_of, fetch_row, fetch_rows
from application.ports.data_keys import DataKeys
from domain.data_key import WrappedDataKey
from domain.identifiers import UserId

_PUT: Final = """
UPDATE vetassist_users SET
    data_key = %(box)s, data_key_version = %(version)s, data_key_master_id = %(master_key_id)s
WHERE id = %(user_id)s
"""
_SELECT: Final = f"""
SELECT id, {DATA_KEY_COLUMNS} FROM vetassist_users WHERE id = %s
"""  # noqa: S608 - the columns are a constant
_LIST: Final = f"""
SELECT id, {DATA_KEY_COLUMNS} FROM vetassist_users
WHERE data_key IS NOT NULL AND data_key_master_id <> %(master_key_id)s
  AND (%(after)s::uuid IS NULL OR id > %(after)s::uuid)
ORDER BY id
LIMIT %(limit)s
"""  # noqa: S608 - the columns are a constant
_COUNT: Final = """
SELECT count(*) FROM vetassist_users WHERE data_key IS NOT NULL AND data_key_master_id <> %s
"""
_REPLACE: Final = """
UPDATE vetassist_users SET
    data_key = %(box)s, data_key_version = %(version)s, data_key_master_id = %(master_key_id)s
WHERE id = %(user_id)s AND data_key = %(old)s
RETURNING id
"""
_DESTROY: Final = """
UPDATE vetassist_users SET
    data_key = NULL, data_key_version = NULL, data_key_master_id = NULL
WHERE id = %s
"""


@final
class PostgresDataKeys(DataKeys):
    """Reads and writes the key columns of ``vetassist_users`` on one connection."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._connection = connection

    async def put(self, wrapped: WrappedDataKey) -> None:
        with translated_errors():
            await self._connection.execute(_PUT, _parameters(wrapped))

    async def find(self, user_id: UserId) -> WrappedDataKey | None:
        row = await fetch_row(self._connection, _SELECT, (user_id,))
        return None if row is None else data_key_of(row)

    async def list_not_under(
        self, master_key_id: str, *, after: UserId | None, limit: int
    ) -> list[WrappedDataKey]:
        parameters = {"master_key_id": master_key_id, "after": after, "limit": limit}
        rows = await fetch_rows(self._connection, _LIST, parameters)
        return [wrapped for row in rows if (wrapped := data_key_of(row)) is not None]

    async def count_not_under(self, master_key_id: str) -> int:
        (row,) = await fetch_rows(self._connection, _COUNT, (master_key_id,))
        return int(row["count"])

    async def replace(self, old: WrappedDataKey, new: WrappedDataKey) -> bool:
        parameters = _parameters(new) | {"old": old.box}
        return bool(await fetch_rows(self._connection, _REPLACE, parameters))

    async def destroy(self, user_id: UserId) -> None:
        with translated_errors():
            await self._connection.execute(_DESTROY, (user_id,))


def _parameters(wrapped: WrappedDataKey) -> dict[str, object]:
    return {
        "user_id": wrapped.user_id,
        "version": wrapped.version,
        "master_key_id": wrapped.master_key_id,
        "box": wrapped.box,
    }
