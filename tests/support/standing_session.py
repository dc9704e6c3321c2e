"""A session put into PostgreSQL by hand, with a JWT to match."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg

from tests.support.forgery import session_claims, signed


@dataclass(frozen=True, kw_only=True)
class StandingSession:
    """A signed-in user."""

    user_id: UUID
    session_id: UUID
    token: str

    @property
    def headers(self) -> dict[str, str]:
        """What shows the JWT to the API."""
        return {"Authorization": f"Bearer {self.token}"}


def standing_session(database_url: str, jwt_secret: str) -> StandingSession:
    """Insert a user and a session of half an hour."""
    now = datetime.now(UTC)
    user_id, session_id = uuid4(), uuid4()
    claims = session_claims(user_id=user_id, session_id=session_id, now=now, jti=uuid4().hex)
    with psycopg.connect(database_url) as connection:
        connection.execute("INSERT INTO vetassist_users (id) VALUES (%s)", (user_id,))
        connection.execute(
            "INSERT INTO vetassist_sessions (id, user_id, jwt_id, created_at, expires_at)"
            " VALUES (%s, %s, %s, %s, %s)",
            (session_id, user_id, claims["jti"], now, now + timedelta(minutes=30)),
        )
    return StandingSession(
        user_id=user_id, session_id=session_id, token=signed(claims, jwt_secret.encode())
    )
