"""Refreshes of VA tokens and their leases, in PostgreSQL."""

from datetime import datetime, timedelta
from typing import Any, Final, final

from psycopg import AsyncConnection

from adapters.postgres.rows import (
    SEALED_COLUMNS,
    fetch_row,
    fetch_rows,
    sealed_parameters,
    sealed_tokens_of,
)
from application.ports.va_token_refreshes import VATokenRefreshes
from domain.identifiers import UserId
from domain.va_identity import VAAccount
from domain.va_token_refresh import KeptVATokens, RefreshLease, RefreshState, TokenGeneration
from domain.va_tokens import SealedVATokens

_SELECT: Final = f"""
SELECT
    {SEALED_COLUMNS}, issuer, subject, sign_in_id, generation,
    lease_fence, lease_until, needs_sign_in_at, retry_at, refresh_attempts
FROM vetassist_va_tokens
WHERE user_id = %s
"""  # noqa: S608 - the columns are a constant
_TAKE: Final = """
UPDATE vetassist_va_tokens
SET lease_fence = lease_fence + 1, lease_until = clock_timestamp() + %(lasts)s
WHERE user_id = %(user_id)s AND sign_in_id = %(sign_in)s AND generation = %(number)s
  AND needs_sign_in_at IS NULL
  AND (retry_at IS NULL OR retry_at <= %(now)s)
  AND (lease_until IS NULL OR lease_until <= clock_timestamp())
RETURNING lease_fence
"""
_HELD: Final = """
WHERE user_id = %(user_id)s AND sign_in_id = %(sign_in)s AND generation = %(number)s
  AND lease_fence = %(fence)s AND needs_sign_in_at IS NULL
RETURNING user_id
"""
_RENEW: Final = f"""
UPDATE vetassist_va_tokens SET
    access_token_encrypted = %(access)s,
    refresh_token_encrypted = coalesce(%(refresh)s, refresh_token_encrypted),
    id_token_encrypted = coalesce(%(id_token)s, id_token_encrypted),
    token_type = %(token_type)s,
    scope = %(scope)s,
    expires_at = %(expires_at)s,
    refreshed_at = %(now)s,
    generation = generation + 1,
    lease_until = NULL,
    retry_at = %(retry_at)s,
    refresh_attempts = CASE WHEN %(retry_at)s::timestamptz IS NULL THEN 0
        ELSE refresh_attempts + 1 END
{_HELD}"""  # noqa: S608 - the condition is a constant
_PUT_OFF: Final = f"""
UPDATE vetassist_va_tokens
SET lease_until = NULL, retry_at = %(until)s, refresh_attempts = refresh_attempts + 1
{_HELD}"""  # noqa: S608 - the condition is a constant
_REQUIRE_SIGN_IN: Final = f"""
UPDATE vetassist_va_tokens SET lease_until = NULL, needs_sign_in_at = %(now)s
{_HELD}"""  # noqa: S608 - the condition is a constant


@final
class PostgresVATokenRefreshes(VATokenRefreshes):
    """Reads and writes ``vetassist_va_tokens`` on one connection."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._connection = connection

    async def find(self, user_id: UserId) -> KeptVATokens | None:
        row = await fetch_row(self._connection, _SELECT, (user_id,))
        if row is None:
            return None
        return KeptVATokens(sealed=sealed_tokens_of(row, user_id), state=_state_of(row))

    async def take(
        self, user_id: UserId, generation: TokenGeneration, *, now: datetime, lasts: timedelta
    ) -> RefreshLease | None:
        parameters = {"user_id": user_id, "now": now, "lasts": lasts} | _names(generation)
        row = await fetch_row(self._connection, _TAKE, parameters)
        if row is None:
            return None
        return RefreshLease(
            user_id=user_id, generation=generation, fence=row["lease_fence"], until=now + lasts
        )

    async def renew(
        self,
        lease: RefreshLease,
        tokens: SealedVATokens,
        *,
        now: datetime,
        retry_at: datetime | None = None,
    ) -> bool:
        parameters = sealed_parameters(tokens) | {"now": now, "retry_at": retry_at}
        return await self._update(_RENEW, lease, parameters)

    async def put_off(self, lease: RefreshLease, *, until: datetime) -> bool:
        return await self._update(_PUT_OFF, lease, {"until": until})

    async def require_sign_in(self, lease: RefreshLease, *, now: datetime) -> bool:
        return await self._update(_REQUIRE_SIGN_IN, lease, {"now": now})

    async def _update(
        self, statement: str, lease: RefreshLease, parameters: dict[str, object]
    ) -> bool:
        """Executes a statement that changes the row only if the lease is still held."""
        parameters = parameters | _holder(lease)
        return bool(await fetch_rows(self._connection, statement, parameters))


def _names(generation: TokenGeneration) -> dict[str, object]:
    return {"sign_in": generation.sign_in, "number": generation.number}


def _holder(lease: RefreshLease) -> dict[str, object]:
    return {"user_id": lease.user_id, "fence": lease.fence} | _names(lease.generation)


def _state_of(row: dict[str, Any]) -> RefreshState:
    issuer, subject = row["issuer"], row["subject"]
    is_known = issuer is not None and subject is not None
    return RefreshState(
        generation=TokenGeneration(sign_in=row["sign_in_id"], number=row["generation"]),
        account=VAAccount(issuer=issuer, subject=subject) if is_known else None,
        fence=row["lease_fence"],
        lease_until=row["lease_until"],
        needs_sign_in_at=row["needs_sign_in_at"],
        retry_at=row["retry_at"],
        attempts=row["refresh_attempts"],
    )
