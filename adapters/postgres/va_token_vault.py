"""VA's sealed tokens in PostgreSQL."""

from datetime import datetime
from typing import Any, Final, final

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from adapters.postgres.errors import translated_errors
from application.ports.va_token_vault import VATokenVault
from domain.identifiers import UserId
from domain.va_tokens import SealedVATokens

_SAVE: Final = """
INSERT INTO vetassist_va_tokens AS stored (
    user_id, access_token_encrypted, refresh_token_encrypted, id_token_encrypted,
    token_type, scope, expires_at, created_at, refreshed_at
)
VALUES (
    %(user_id)s, %(access)s, %(refresh)s, %(id_token)s,
    %(token_type)s, %(scope)s, %(expires_at)s, %(now)s, %(now)s
)
ON CONFLICT (user_id) DO UPDATE SET
    access_token_encrypted = excluded.access_token_encrypted,
    refresh_token_encrypted = coalesce(
        excluded.refresh_token_encrypted, stored.refresh_token_encrypted
    ),
    id_token_encrypted = coalesce(excluded.id_token_encrypted, stored.id_token_encrypted),
    token_type = excluded.token_type,
    scope = excluded.scope,
    expires_at = excluded.expires_at,
    refreshed_at = excluded.refreshed_at
"""
_DELETE: Final = "DELETE FROM vetassist_va_tokens WHERE user_id = %s"
# The version stands at the start of what is sealed (see the cipher). A sign-in that brought no
# refresh token leaves an early one beside a newer access token.
_SEALED_EARLY: Final = """
SELECT user_id FROM vetassist_va_tokens
WHERE (access_token_encrypted LIKE 'v1.%%' OR refresh_token_encrypted LIKE 'v1.%%')
  AND (%(after)s::uuid IS NULL OR user_id > %(after)s::uuid)
ORDER BY user_id
LIMIT %(limit)s
"""
_UNUSED: Final = """
SELECT tokens.user_id
FROM vetassist_users AS users
JOIN vetassist_va_tokens AS tokens ON tokens.user_id = users.id
WHERE users.last_login_at <= %(since)s
ORDER BY tokens.user_id
LIMIT %(limit)s
"""
_SELECT: Final = """
SELECT
    access_token_encrypted, refresh_token_encrypted, id_token_encrypted,
    token_type, scope, expires_at
FROM vetassist_va_tokens
WHERE user_id = %s
"""


@final
class PostgresVATokenVault(VATokenVault):
    """Reads and writes ``vetassist_va_tokens`` on one connection."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._connection = connection

    async def save(self, tokens: SealedVATokens, *, now: datetime) -> None:
        with translated_errors():
            await self._connection.execute(
                _SAVE,
                {
                    "user_id": tokens.user_id,
                    # As text, which both `bytea` and an earlier phase's `text` columns take.
                    "access": tokens.access_token.decode(),
                    "refresh": tokens.refresh_token and tokens.refresh_token.decode(),
                    "id_token": tokens.id_token and tokens.id_token.decode(),
                    "token_type": tokens.token_type,
                    "scope": tokens.scope,
                    "expires_at": tokens.expires_at,
                    "now": now,
                },
            )

    async def destroy(self, user_id: UserId) -> None:
        with translated_errors():
            await self._connection.execute(_DELETE, (user_id,))

    async def list_sealed_early(self, *, after: UserId | None, limit: int) -> list[UserId]:
        return await self._users(_SEALED_EARLY, {"after": after, "limit": limit})

    async def list_unused(self, *, since: datetime, limit: int) -> list[UserId]:
        return await self._users(_UNUSED, {"since": since, "limit": limit})

    async def _users(self, query: str, parameters: dict[str, object]) -> list[UserId]:
        with translated_errors():
            cursor = await self._connection.execute(query, parameters)
            return [UserId(row[0]) for row in await cursor.fetchall()]

    async def find(self, user_id: UserId) -> SealedVATokens | None:
        with translated_errors():
            async with self._connection.cursor(row_factory=dict_row) as cursor:
                await cursor.execute(_SELECT, (user_id,))
                row = await cursor.fetchone()
        if row is None:
            return None
        refresh, id_token = row["refresh_token_encrypted"], row["id_token_encrypted"]
        return SealedVATokens(
            user_id=user_id,
            access_token=_bytes(row["access_token_encrypted"]),
            refresh_token=None if refresh is None else _bytes(refresh),
            id_token=None if id_token is None else _bytes(id_token),
            token_type=row["token_type"] or "Bearer",
            scope=row["scope"] or "",
            expires_at=row["expires_at"],
        )


def _bytes(value: bytes | str) -> bytes:
    return value.encode() if isinstance(value, str) else value
