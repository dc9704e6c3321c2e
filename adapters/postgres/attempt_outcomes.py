"""The sessions that attempts opened, in PostgreSQL."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final, final

from psycopg import AsyncConnection

from adapters.postgres.rows import fetch_rows
from application.ports.attempt_outcomes import AttemptOutcomes
from domain.identifiers import SessionId, UserId
from domain.login_attempt import LoginAttempt

# The rows are locked first, in one order, so that the session of a unit in progress is seen.
_SUPERSEDE: Final = """
WITH lost AS MATERIALIZED (
    SELECT state_hash, user_id, session_id FROM vetassist_login_attempts
    WHERE browser_hash = ANY (%(browser_hashes)s) AND consumed_at IS NOT NULL
      AND (consumed_at < %(began_at)s OR state_hash = %(replaced)s)
    ORDER BY state_hash
    FOR UPDATE
)
UPDATE vetassist_login_attempts AS attempt
SET superseded_at = %(now)s, user_id = NULL, session_id = NULL
FROM lost WHERE attempt.state_hash = lost.state_hash
RETURNING lost.user_id, lost.session_id
"""


@final
class PostgresAttemptOutcomes(AttemptOutcomes):
    """Reads and clears the outcomes in ``vetassist_login_attempts`` on one connection."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._connection = connection

    async def supersede(
        self, browser_hashes: Collection[bytes], *, by: LoginAttempt, now: datetime
    ) -> list[tuple[UserId, SessionId]]:
        parameters = {
            "browser_hashes": list(browser_hashes),
            "began_at": by.created_at,
            "replaced": by.replaces,
            "now": now,
        }
        rows = await fetch_rows(self._connection, _SUPERSEDE, parameters)
        return [
            (UserId(row["user_id"]), SessionId(row["session_id"]))
            for row in rows
            if row["session_id"] is not None
        ]
