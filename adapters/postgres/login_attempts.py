"""Sign-in attempts in PostgreSQL."""

from datetime import datetime
from typing import Any, Final, final

from psycopg.errors import UniqueViolation
from psycopg.rows import dict_row

from adapters.postgres.audit_trail import INSERT_EVENT, event_parameters
from adapters.postgres.errors import translated_errors
from adapters.postgres.front_ends import front_end_id_of, stored_id_of
from adapters.postgres.pool import Connection, Pool
from application.ports.login_attempts import LoginAttempts
from domain.app_challenge import AppChallenge
from domain.audit_event import AuditEvent
from domain.login_attempt import ATTEMPT_KEPT_FOR, AttemptRefusal, LoginAttempt
from domain.return_path import ReturnPath

# One statement stores the attempt and its audit event in one round trip. It also deletes up to 20
# old attempts, so that the table doesn't keep growing.
_ADD: Final = f"""
WITH ended AS (
    DELETE FROM vetassist_login_attempts
    WHERE state_hash = ANY (
        ARRAY (
            SELECT state_hash FROM vetassist_login_attempts
            WHERE expires_at < %(forgotten_before)s
            ORDER BY expires_at
            LIMIT 20
            FOR UPDATE SKIP LOCKED
        )
    )
), begun AS (
    INSERT INTO vetassist_login_attempts (
        state_hash, browser_hash, return_to, created_at, expires_at, is_restart, replaces,
        app_challenge, front_end_id
    )
    VALUES (
        %(state_hash)s, %(browser_hash)s, %(return_to)s, %(created_at)s, %(expires_at)s,
        %(is_restart)s, %(replaces)s, %(app_challenge)s, %(front_end_id)s
    )
)
{INSERT_EVENT}
"""  # noqa: S608 - the inserted text is a constant
_COLUMNS: Final = (
    "state_hash, browser_hash, return_to, created_at, expires_at, is_restart, replaces, "
    "consumed_at, app_challenge, front_end_id"
)
_CONSUME: Final = f"""
UPDATE vetassist_login_attempts SET consumed_at = %(now)s
WHERE state_hash = %(state_hash)s AND browser_hash = %(browser_hash)s
  AND consumed_at IS NULL AND expires_at > %(now)s
RETURNING {_COLUMNS}
"""  # noqa: S608 - the columns are a constant
_SELECT: Final = f"""
SELECT {_COLUMNS} FROM vetassist_login_attempts WHERE state_hash = %(state_hash)s
"""  # noqa: S608 - the columns are a constant


@final
class PostgresLoginAttempts(LoginAttempts):
    """Consumes an attempt with one conditional UPDATE, so only one of several callers succeeds."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add(self, attempt: LoginAttempt, event: AuditEvent) -> None:
        parameters = {
            "state_hash": attempt.state_hash,
            "browser_hash": attempt.browser_hash,
            "return_to": attempt.return_to and attempt.return_to.value,
            "created_at": attempt.created_at,
            "expires_at": attempt.expires_at,
            "app_challenge": attempt.app_challenge and attempt.app_challenge.digest,
            "front_end_id": stored_id_of(attempt.front_end),
            "is_restart": attempt.is_restart,
            "replaces": attempt.replaces,
            "forgotten_before": attempt.created_at - ATTEMPT_KEPT_FOR,
        } | event_parameters(event)
        tries = 0

        async def insert(connection: Connection) -> None:
            nonlocal tries
            tries += 1
            try:
                await connection.execute(_ADD, parameters)
            except UniqueViolation:
                # On a retry, the first try stored the attempt and only its response was lost.
                if tries == 1:
                    raise

        with translated_errors():
            await self._pool.answer(insert)

    async def consume(
        self, *, state_hash: bytes, browser_hash: bytes, now: datetime
    ) -> LoginAttempt | AttemptRefusal:
        parameters = {"state_hash": state_hash, "browser_hash": browser_hash, "now": now}
        tries = 0

        async def take(connection: Connection) -> LoginAttempt | AttemptRefusal:
            nonlocal tries
            tries += 1
            async with connection.cursor(row_factory=dict_row) as cursor:
                await cursor.execute(_CONSUME, parameters)
                if (row := await cursor.fetchone()) is not None:
                    return _attempt_of(row)
                await cursor.execute(_SELECT, parameters)
                row = await cursor.fetchone()
            if row is None:
                return AttemptRefusal.UNKNOWN
            found = _attempt_of(row)
            refusal = found.refusal(browser_hash=browser_hash, now=now)
            if tries > 1 and found.consumed_at == now and found.browser_hash == browser_hash:
                # An earlier try of this call consumed it, and only the response was lost.
                return found
            return refusal or AttemptRefusal.UNKNOWN

        with translated_errors():
            return await self._pool.answer(take)

    async def find(self, *, state_hash: bytes, browser_hash: bytes) -> LoginAttempt | None:
        with translated_errors():
            rows = await self._pool.rows(_SELECT, {"state_hash": state_hash})
        ours = [_attempt_of(row) for row in rows if row["browser_hash"] == browser_hash]
        return ours[0] if ours else None


def _attempt_of(row: dict[str, Any]) -> LoginAttempt:
    return LoginAttempt(
        state_hash=row["state_hash"],
        browser_hash=row["browser_hash"],
        # An earlier version accepted paths that weren't in canonical form.
        return_to=None if row["return_to"] is None else ReturnPath.parse(row["return_to"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        is_restart=row["is_restart"],
        replaces=row["replaces"],
        consumed_at=row["consumed_at"],
        app_challenge=row["app_challenge"] and AppChallenge(row["app_challenge"]),
        front_end=front_end_id_of(row["front_end_id"]),
    )
