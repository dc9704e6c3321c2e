"""VA's sealed tokens in PostgreSQL."""

from datetime import datetime
from typing import Any, Final, final

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from adapters.postgres.errors import translated_errors
from adapters.postgres.rows import SEALED_COLUMNS, sealed_parameters, sealed_tokens_of
from application.ports.va_token_vault import VATokenVault
from domain.identifiers import UserId
from domain.va_identity import VAAccount
from domain.va_tokens import SealedVATokens

_SAVE: Final = """
INSERT INTO vetassist_va_tokens AS stored (
    user_id, access_token_encrypted, refresh_token_encrypted, id_token_encrypted,
    token_type, scope, expires_at, created_at, refreshed_at, issuer, subject
)
VALUES (
    %(user_id)s, %(access)s, %(refresh)s, %(id_token)s,
    %(token_type)s, %(scope)s, %(expires_at)s, %(now)s, %(now)s, %(issuer)s, %(subject)s
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
    refreshed_at = excluded.refreshed_at,
    issuer = excluded.issuer,
    subject = excluded.subject,
    sign_in_id = gen_random_uuid(),
    generation = stored.generation + 1,
    lease_until = NULL,
    needs_sign_in_at = NULL,
    retry_at = NULL,
    refresh_attempts = 0
"""
_RESEAL: Final = """
UPDATE vetassist_va_tokens SET
    access_token_encrypted = %(access)s,
    refresh_token_encrypted = %(refresh)s,
    id_token_encrypted = %(id_token)s
WHERE user_id = %(user_id)s
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
_COUNT_UNUSED: Final = """
SELECT count(*)
FROM vetassist_users AS users
JOIN vetassist_va_tokens AS tokens ON tokens.user_id = users.id
WHERE users.last_login_at <= %s
"""
_SELECT: Final = f"""
SELECT {SEALED_COLUMNS} FROM vetassist_va_tokens WHERE user_id = %s
"""  # noqa: S608 - the columns are a constant


@final
class PostgresVATokenVault(VATokenVault):
    """Reads and writes ``vetassist_va_tokens`` on one connection."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._connection = connection

    async def save(
        self, tokens: SealedVATokens, *, account: VAAccount | None, now: datetime
    ) -> None:
        parameters = sealed_parameters(tokens) | {
            "issuer": account and account.issuer,
            "subject": account and account.subject,
            "now": now,
        }
        with translated_errors():
            await self._connection.execute(_SAVE, parameters)

    async def reseal(self, tokens: SealedVATokens) -> None:
        with translated_errors():
            await self._connection.execute(_RESEAL, sealed_parameters(tokens))

    async def destroy(self, user_id: UserId) -> None:
        with translated_errors():
            await self._connection.execute(_DELETE, (user_id,))

    async def list_sealed_early(self, *, after: UserId | None, limit: int) -> list[UserId]:
        return await self._users(_SEALED_EARLY, {"after": after, "limit": limit})

    async def list_unused(self, *, since: datetime, limit: int) -> list[UserId]:
        return await self._users(_UNUSED, {"since": since, "limit": limit})

    async def count_unused(self, *, since: datetime) -> int:
        with translated_errors():
            cursor = await self._connection.execute(_COUNT_UNUSED, (since,))
            row = await cursor.fetchone()
        return 0 if row is None else int(row[0])

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
        return sealed_tokens_of(row, user_id)
