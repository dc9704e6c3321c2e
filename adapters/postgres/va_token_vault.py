"""Sealed VA tokens, in PostgreSQL."""

from datetime import datetime
from typing import Any, Final, final

from psycopg import AsyncConnection

from adapters.postgres.errors import translated_errors
from adapters.postgres.rows import (
    SEALED_COLUMNS,
    bytes_of,
    fetch_row,
    fetch_rows,
    sealed_parameters,
    sealed_tokens_of,
)
from application.ports.va_token_vault import VATokenVault
from domain.identifiers import UserId
from domain.va_identity import VAAccount
from domain.va_revocation import GIVE_UP_AFTER
from domain.va_tokens import SealedVATokens

# Whether the stored tokens are of the account that signed in. If not, none of them may be kept as
# this account's. Tokens of an earlier phase have no account and count as the same account's.
_IS_SAME_ACCOUNT: Final = """(
    stored.issuer IS NULL OR stored.subject IS NULL OR (stored.issuer, stored.subject)
        IS NOT DISTINCT FROM (%(issuer)s::text, %(subject)s::text)
)"""
_SAVE: Final = f"""
WITH forgotten AS (
    DELETE FROM vetassist_va_replaced_tokens
    WHERE user_id = %(user_id)s AND replaced_at <= %(dead_before)s
), replaced AS (
    INSERT INTO vetassist_va_replaced_tokens (user_id, refresh_token_encrypted, replaced_at)
    SELECT user_id, refresh_token_encrypted, %(now)s
    FROM vetassist_va_tokens AS stored
    WHERE user_id = %(user_id)s
      -- A token older than data keys would keep its master key in use.
      AND refresh_token_encrypted NOT LIKE 'v1.%%'
      AND (%(has_refresh)s OR NOT {_IS_SAME_ACCOUNT})
)
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
        excluded.refresh_token_encrypted,
        CASE WHEN {_IS_SAME_ACCOUNT} THEN stored.refresh_token_encrypted END
    ),
    id_token_encrypted = coalesce(
        excluded.id_token_encrypted, CASE WHEN {_IS_SAME_ACCOUNT} THEN stored.id_token_encrypted END
    ),
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
"""  # noqa: S608 - the condition is a constant
_RESEAL: Final = """
UPDATE vetassist_va_tokens SET
    access_token_encrypted = %(access)s,
    refresh_token_encrypted = %(refresh)s,
    id_token_encrypted = %(id_token)s
WHERE user_id = %(user_id)s
"""
_DELETE: Final = """
WITH replaced AS (DELETE FROM vetassist_va_replaced_tokens WHERE user_id = %(user_id)s)
DELETE FROM vetassist_va_tokens WHERE user_id = %(user_id)s
"""
_REPLACED: Final = """
SELECT refresh_token_encrypted FROM vetassist_va_replaced_tokens
WHERE user_id = %s ORDER BY replaced_at DESC, id
"""
# A sealed token starts with its version (see the cipher). A sign-in without a refresh token leaves
# an early refresh token beside a newer access token.
_IS_EARLY: Final = "(access_token_encrypted LIKE 'v1.%%' OR refresh_token_encrypted LIKE 'v1.%%')"
_COUNT_EARLY: Final = f"""
SELECT count(*) FROM vetassist_va_tokens WHERE {_IS_EARLY}
"""  # noqa: S608 - the condition is a constant
_SEALED_EARLY: Final = f"""
SELECT user_id FROM vetassist_va_tokens
WHERE {_IS_EARLY}
  AND (%(after)s::uuid IS NULL OR user_id > %(after)s::uuid)
ORDER BY user_id
LIMIT %(limit)s
"""  # noqa: S608 - the condition is a constant
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
            "dead_before": now - GIVE_UP_AFTER,
            "has_refresh": tokens.refresh_token is not None,
        }
        with translated_errors():
            await self._connection.execute(_SAVE, parameters)

    async def reseal(self, tokens: SealedVATokens) -> None:
        with translated_errors():
            await self._connection.execute(_RESEAL, sealed_parameters(tokens))

    async def destroy(self, user_id: UserId) -> None:
        with translated_errors():
            await self._connection.execute(_DELETE, {"user_id": user_id})

    async def list_sealed_early(self, *, after: UserId | None, limit: int) -> list[UserId]:
        return await self._users(_SEALED_EARLY, {"after": after, "limit": limit})

    async def list_unused(self, *, since: datetime, limit: int) -> list[UserId]:
        return await self._users(_UNUSED, {"since": since, "limit": limit})

    async def count_unused(self, *, since: datetime) -> int:
        return await self._count(_COUNT_UNUSED, since)

    async def count_sealed_early(self) -> int:
        return await self._count(_COUNT_EARLY)

    async def list_replaced(self, user_id: UserId) -> list[bytes]:
        rows = await fetch_rows(self._connection, _REPLACED, (user_id,))
        return [bytes_of(row["refresh_token_encrypted"]) for row in rows]

    async def _count(self, query: str, *parameters: object) -> int:
        (row,) = await fetch_rows(self._connection, query, parameters)
        return int(row["count"])

    async def _users(self, query: str, parameters: dict[str, object]) -> list[UserId]:
        rows = await fetch_rows(self._connection, query, parameters)
        return [UserId(row["user_id"]) for row in rows]

    async def find(self, user_id: UserId) -> SealedVATokens | None:
        row = await fetch_row(self._connection, _SELECT, (user_id,))
        if row is None:
            return None
        return sealed_tokens_of(row, user_id)
