"""Committed users, in PostgreSQL."""

from typing import Final, final

from adapters.postgres.errors import translated_errors
from adapters.postgres.pool import Pool
from adapters.postgres.rows import USER_COLUMNS, user_of
from application.ports.user_directory import UserDirectory
from domain.identifiers import UserId
from domain.user import Profile

_SELECT: Final = f"""
SELECT {USER_COLUMNS}, NOT EXISTS (
    SELECT FROM vetassist_va_tokens AS tokens
    WHERE tokens.user_id = vetassist_users.id AND tokens.needs_sign_in_at IS NULL
) AS needs_va_sign_in
FROM vetassist_users
WHERE id = %s
"""  # noqa: S608 - the columns are a constant
_MERGED_INTO: Final = "SELECT id FROM vetassist_users WHERE merged_into = %s"


@final
class PostgresUserDirectory(UserDirectory):
    """Reads a user with one statement on a pooled connection."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find(self, user_id: UserId) -> Profile | None:
        with translated_errors():
            rows = await self._pool.rows(_SELECT, (user_id,))
        if not rows:
            return None
        (row,) = rows
        return Profile(user=user_of(row), needs_va_sign_in=row["needs_va_sign_in"])

    async def merged_into(self, user_id: UserId) -> frozenset[UserId]:
        with translated_errors():
            rows = await self._pool.rows(_MERGED_INTO, (user_id,))
        return frozenset(UserId(row["id"]) for row in rows)
