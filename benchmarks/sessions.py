"""Databases full of sessions, and tokens for some of them."""

import time
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import jwt
import psycopg

from benchmarks.reference_app import AUDIENCE, ISSUER

#: Each user has this many sessions. One stands and the others have ended, as after longer use.
SESSIONS_OF_A_USER: Final = 10
_LIFETIME: Final = timedelta(hours=12)
#: Ended sessions are spread over this span before now, so that none is purged.
_HISTORY: Final = timedelta(days=80)
#: Longer than the service keeps an ended session.
_PAST_RETENTION: Final = timedelta(days=100)
_USER_AGENT: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/141.0.0.0 Safari/537.36"
)

_USERS: Final = """
INSERT INTO vetassist_users (
    id, va_icn, va_veteran_status, first_name, last_name, email,
    is_active, last_login_at, created_at, updated_at
)
SELECT
    gen_random_uuid(),
    lpad(number::text, 10, '0') || 'V' || lpad((number %% 1000000)::text, 6, '0'),
    'confirmed', 'Given', 'Family', 'veteran' || number || '@example.org',
    true, now(), now(), now()
FROM generate_series(1::bigint, %(users)s) AS number
"""
# The random parts are as long as the service's own. Users ended one session in five.
_SESSIONS: Final = """
INSERT INTO vetassist_sessions (
    id, user_id, jwt_id, device_info, created_at, renewed_at, expires_at, absolute_expires_at,
    refresh_hash, revoked_at, revoked_by, revoke_reason
)
SELECT
    gen_random_uuid(), owner.id,
    rtrim(translate(encode(sha256(uuid_send(gen_random_uuid())), 'base64'), '+/', '-_'), '='),
    jsonb_build_object('user_agent', %(user_agent)s::text),
    start.at, start.at, start.at + %(lifetime)s, start.at + %(lifetime)s,
    sha256(uuid_send(gen_random_uuid())),
    CASE WHEN ended.is_revoked THEN start.at + %(lifetime)s / 2 END,
    CASE WHEN ended.is_revoked THEN 'user' END,
    CASE WHEN ended.is_revoked THEN 'logout' END
FROM vetassist_users AS owner
CROSS JOIN LATERAL (
    SELECT date_trunc('second', now()) - %(age)s - random() * %(spread)s AS at
    -- The reference to the owner makes PostgreSQL compute a time for each owner.
    WHERE owner.id IS NOT NULL
) AS start
CROSS JOIN LATERAL (
    SELECT %(age)s > interval '0' AND random() < 0.2 AS is_revoked WHERE owner.id IS NOT NULL
) AS ended
LIMIT %(limit)s
"""
_STANDING: Final = """
SELECT user_id, id, jwt_id FROM vetassist_sessions
WHERE expires_at > now() AND revoked_at IS NULL
ORDER BY id LIMIT %s OFFSET %s
"""


def fill(database_url: str, sessions: int, standing: int) -> None:
    """Stores sessions, the oldest first, in logged tables.

    Args:
        database_url: The database.
        sessions: How many sessions to store.
        standing: How many of them must stand. Most of the others have ended.
    """
    of_a_user = max(1, min(SESSIONS_OF_A_USER, sessions // standing))
    users = sessions // of_a_user
    slice_of_history = _HISTORY / SESSIONS_OF_A_USER
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(_USERS, {"users": users})
        for slices_ago in reversed(range(of_a_user)):
            store(
                connection,
                limit=users,
                age=slice_of_history * slices_ago,
                spread=slice_of_history if slices_ago else timedelta(),
            )
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")


def store(
    connection: psycopg.Connection[Any], *, limit: int, age: timedelta, spread: timedelta
) -> int:
    """Stores one session for each of up to ``limit`` users.

    The sessions started between ``age`` and ``age + spread`` ago.

    Returns:
        The number of stored sessions, which is lower if there are fewer users.
    """
    cursor = connection.execute(
        _SESSIONS,
        {
            "user_agent": _USER_AGENT,
            "lifetime": _LIFETIME,
            "age": age,
            "spread": spread,
            "limit": limit,
        },
    )
    return cursor.rowcount


def tokens(database_url: str, secret: str, count: int, *, skip: int = 0) -> list[str]:
    """Returns the tokens of ``count`` sessions that stand."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(_STANDING, (count, skip)).fetchall()
    now = int(time.time())
    return [
        token(user_id, session_id, token_id, secret, now) for user_id, session_id, token_id in rows
    ]


def token(user_id: UUID, session_id: UUID, token_id: str, secret: str, now: int) -> str:
    """Returns a token as the service issues it."""
    claims = {
        "sub": str(user_id),
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + int(_LIFETIME.total_seconds()),
        "jti": token_id,
        "sid": str(session_id),
        "va_linked": True,
        "va_icn": "1012666182V203559",
    }
    return jwt.encode(claims, secret, algorithm="HS256")


def tokens_file(path: Path, given: list[str]) -> Path:
    """Writes tokens to a file, one per line, and returns its path."""
    path.write_text("\n".join(given) + "\n")
    return path


def store_for_one_user(database_url: str, sessions: int) -> tuple[UUID, UUID, str]:
    """Stores a new user with ``sessions`` sessions that stand.

    Returns:
        The user id, the id of one session, and the id of its token.
    """
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "INSERT INTO vetassist_users (id) VALUES (gen_random_uuid()) RETURNING id"
        ).fetchone()
        if row is None:
            raise AssertionError("an insert returns its row")
        connection.execute(
            """
            INSERT INTO vetassist_sessions
                (id, user_id, jwt_id, created_at, renewed_at, expires_at, absolute_expires_at)
            SELECT gen_random_uuid(), %(user)s, gen_random_uuid()::text, now(), now(),
                now() + %(lifetime)s, now() + %(lifetime)s
            FROM generate_series(1, %(sessions)s)
            """,
            {"user": row[0], "lifetime": _LIFETIME, "sessions": sessions},
        )
        found = connection.execute(
            "SELECT user_id, id, jwt_id FROM vetassist_sessions WHERE user_id = %s LIMIT 1",
            (row[0],),
        ).fetchone()
    if found is None:
        raise AssertionError("the sessions were just stored")
    user_id, session_id, token_id = found
    return user_id, session_id, token_id


def store_past_retention(database_url: str, sessions: int) -> None:
    """Stores sessions that ended so long ago that the purge must remove them."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        while sessions > 0:
            sessions -= store(
                connection, limit=sessions, age=_PAST_RETENTION, spread=_PAST_RETENTION
            )
        connection.execute("VACUUM (ANALYZE) vetassist_sessions")
        connection.execute("CHECKPOINT")
