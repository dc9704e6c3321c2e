"""Sessions in PostgreSQL."""

import json
from datetime import datetime
from typing import Any, Final, final

from psycopg import AsyncConnection

from adapters.postgres.errors import translated_errors
from adapters.postgres.front_ends import front_end_id_of, stored_id_of
from adapters.postgres.rows import fetch_row, fetch_rows
from adapters.postgres.stuck_rows import StuckRows
from application.ports.session_repository import SessionRepository
from domain.identifiers import SessionId, TokenId, UserId
from domain.refresh_token import Rotation
from domain.revocation import Revocation, RevokedBy
from domain.secret import Secret
from domain.session import RENEWAL_UNDER_WAY, Session

# One statement, because each takes a part of the processor time of a sign-in. A constraint refuses
# the outcome of an attempt that was superseded, so nobody has to wait for the result.
_INSERT: Final = """
WITH outcome AS (
    UPDATE vetassist_login_attempts SET user_id = %(user_id)s, session_id = %(id)s
    WHERE state_hash = %(opened_by)s
)
INSERT INTO vetassist_sessions (
    id, user_id, jwt_id, device_info, created_at, renewed_at, expires_at, absolute_expires_at,
    refresh_hash, front_end_id
)
VALUES (
    %(id)s, %(user_id)s, %(token_id)s, %(device)s, %(issued_at)s, %(renewed_at)s, %(expires_at)s,
    %(absolute_expires_at)s, %(current)s, %(front_end_id)s
)
"""
SESSION_COLUMNS: Final = (
    "id, user_id, jwt_id, device_info, created_at, renewed_at, expires_at, absolute_expires_at, "
    "refresh_hash, refresh_previous_hash, refresh_salt, revoked_at, revoked_by, revoke_reason, "
    "front_end_id"
)
_LOCK: Final = f"""
SELECT {SESSION_COLUMNS} FROM vetassist_sessions WHERE user_id = %s AND id = %s FOR UPDATE
"""  # noqa: S608 - the columns are a constant
_LIST_ACTIVE: Final = f"""
SELECT {SESSION_COLUMNS} FROM vetassist_sessions
WHERE user_id = %s AND revoked_at IS NULL AND expires_at > %s
ORDER BY created_at DESC, id DESC
"""  # noqa: S608 - the columns are a constant
_HAND_OUT: Final = """
UPDATE vetassist_sessions SET
    jwt_id = %(token_id)s,
    refresh_hash = %(current)s,
    refresh_previous_hash = NULL,
    refresh_salt = NULL
WHERE user_id = %(user_id)s AND id = %(id)s AND revoked_at IS NULL
RETURNING id
"""
_RENEW: Final = """
UPDATE vetassist_sessions SET
    jwt_id = %(token_id)s,
    renewed_at = %(renewed_at)s,
    expires_at = %(expires_at)s,
    refresh_hash = %(current)s,
    refresh_previous_hash = %(previous)s,
    refresh_salt = %(salt)s
WHERE user_id = %(user_id)s AND id = %(id)s AND revoked_at IS NULL
  AND refresh_hash = %(previous)s
RETURNING id
"""
_REVOKE: Final = """
UPDATE vetassist_sessions
SET revoked_at = %(at)s, revoked_by = %(by)s, revoke_reason = %(reason)s
WHERE user_id = %(user_id)s AND id = %(session_id)s AND revoked_at IS NULL
RETURNING id
"""
_REVOKE_ALL: Final = """
UPDATE vetassist_sessions
SET revoked_at = %(at)s, revoked_by = %(by)s, revoke_reason = %(reason)s
WHERE user_id = %(user_id)s AND revoked_at IS NULL AND expires_at > %(since)s
  AND id IS DISTINCT FROM %(session_id)s
RETURNING id, expires_at
"""


@final
class PostgresSessionRepository(SessionRepository):
    """Reads and writes ``vetassist_sessions``, and the outcomes of attempts, on one connection."""

    def __init__(self, connection: AsyncConnection[Any], stuck_rows: StuckRows) -> None:
        self._connection = connection
        self._stuck_rows = stuck_rows

    async def add(self, session: Session, *, opened_by: bytes | None = None) -> None:
        parameters = _parameters(session) | {"opened_by": opened_by}
        with translated_errors():
            await self._connection.execute(_INSERT, parameters)

    async def lock(self, user_id: UserId, session_id: SessionId) -> Session | None:
        with self._stuck_rows.waiting_for(session_id):
            row = await fetch_row(self._connection, _LOCK, (user_id, session_id))
        return None if row is None else session_of(row)

    async def list_active(self, user_id: UserId, *, now: datetime) -> list[Session]:
        rows = await fetch_rows(self._connection, _LIST_ACTIVE, (user_id, now))
        return [session_of(row) for row in rows]

    async def hand_out(self, session: Session) -> bool:
        return bool(await fetch_rows(self._connection, _HAND_OUT, _parameters(session)))

    async def renew(self, session: Session) -> bool:
        return bool(await fetch_rows(self._connection, _RENEW, _parameters(session)))

    async def revoke(self, user_id: UserId, session_id: SessionId, revocation: Revocation) -> bool:
        parameters = _revocation(user_id, revocation) | {"session_id": session_id}
        with self._stuck_rows.waiting_for(session_id):
            return bool(await fetch_rows(self._connection, _REVOKE, parameters))

    async def revoke_all(
        self, user_id: UserId, revocation: Revocation, *, spare: SessionId | None = None
    ) -> list[SessionId]:
        since = revocation.at - RENEWAL_UNDER_WAY
        parameters = _revocation(user_id, revocation) | {"session_id": spare, "since": since}
        with self._stuck_rows.waiting_for(user_id):
            rows = await fetch_rows(self._connection, _REVOKE_ALL, parameters)
        return sorted(SessionId(row["id"]) for row in rows if row["expires_at"] > revocation.at)


def _parameters(session: Session) -> dict[str, object]:
    salt = session.rotation.salt
    return {
        "id": session.id,
        "user_id": session.user_id,
        "token_id": session.token_id,
        "device": json.dumps({"user_agent": session.user_agent}),
        "issued_at": session.issued_at,
        "renewed_at": session.renewed_at,
        "expires_at": session.expires_at,
        "absolute_expires_at": session.absolute_expires_at,
        "current": session.rotation.current,
        "previous": session.rotation.previous,
        "salt": None if salt is None else salt.reveal(),
        "front_end_id": stored_id_of(session.front_end),
    }


def _revocation(user_id: UserId, revocation: Revocation) -> dict[str, object]:
    return {
        "user_id": user_id,
        "at": revocation.at,
        "by": revocation.by.value,
        "reason": revocation.reason,
    }


def session_of(row: dict[str, Any]) -> Session:
    """Returns a session from its columns."""
    device, salt = row["device_info"], row["refresh_salt"]
    return Session(
        id=SessionId(row["id"]),
        user_id=UserId(row["user_id"]),
        token_id=TokenId(row["jwt_id"]),
        user_agent=device.get("user_agent") if isinstance(device, dict) else None,
        issued_at=row["created_at"],
        # Sessions of an earlier phase had no renewal and no absolute limit.
        renewed_at=row["renewed_at"] or row["created_at"],
        expires_at=row["expires_at"],
        absolute_expires_at=row["absolute_expires_at"] or row["expires_at"],
        rotation=Rotation(
            current=row["refresh_hash"],
            previous=row["refresh_previous_hash"],
            salt=None if salt is None else Secret(salt),
        ),
        revocation=_revocation_of(row),
        front_end=front_end_id_of(row["front_end_id"]),
    )


def _revocation_of(row: dict[str, Any]) -> Revocation | None:
    if row["revoked_at"] is None:
        return None
    return Revocation(
        at=row["revoked_at"],
        # In an earlier phase, only the user could end a session.
        by=RevokedBy(row["revoked_by"] or RevokedBy.USER),
        reason=row["revoke_reason"] or "logout",
    )
