"""Whether PostgreSQL can serve a request."""

import asyncio
from datetime import datetime, timedelta
from typing import Any, Final, final

import psycopg

from adapters.postgres.command_connection import ENCODING
from adapters.postgres.errors import translated_errors
from adapters.postgres.migrations import migrations
from adapters.postgres.pool import Connection, Pool
from application.errors import UnavailableError
from application.ports.clock import Clock
from application.ports.readiness import Readiness, ReadinessCheck

#: The largest difference allowed between the database's clock and this machine's.
CLOCK_TOLERANCE: Final = timedelta(seconds=30)
_WITHIN: Final = timedelta(seconds=2.5)

_SELECT: Final = """
SELECT current_setting('server_encoding'), clock_timestamp(),
    to_regclass('vetassist_schema_migrations') IS NOT NULL
"""
_VERSIONS: Final = "SELECT version FROM vetassist_schema_migrations"
# The tables that a sign-in or a renewal locks must be free, and there must be room for a row. All
# of it is rolled back, so it has no effect and isn't flushed.
_PROBE: Final = (
    "BEGIN",
    "SET LOCAL lock_timeout = '1s'",
    """
    LOCK TABLE vetassist_users, vetassist_sessions, vetassist_va_tokens, vetassist_login_attempts
    IN ROW EXCLUSIVE MODE
    """,
    """
    INSERT INTO vetassist_login_attempts (
        state_hash, browser_hash, return_to, created_at, expires_at
    )
    SELECT
        decode(md5(random()::text), 'hex'), ''::bytea, repeat(md5(random()::text), 59),
        clock_timestamp(), clock_timestamp()
    """,
)


@final
class PostgresReadiness(Readiness):
    """Uses the pool of the look-ups, which a flood of sign-ins can't exhaust.

    Simultaneous callers share one check.
    """

    def __init__(self, pool: Pool, *, machine_clock: Clock) -> None:
        self._pool = pool
        self._machine_clock = machine_clock
        self._needed = {migration.version for migration in migrations()}
        self._asking: asyncio.Task[frozenset[ReadinessCheck]] | None = None

    async def failing(self) -> frozenset[ReadinessCheck]:
        if not self._pool.is_certain:
            return frozenset({ReadinessCheck.PRIMARY})
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        return await asyncio.shield(self._asking)

    async def _ask(self) -> frozenset[ReadinessCheck]:
        try:
            with translated_errors():
                async with self._pool.connection(within=_WITHIN) as connection:
                    return await self._look(connection)
        except UnavailableError:
            is_certain = self._pool.is_certain
            return frozenset({ReadinessCheck.DATABASE if is_certain else ReadinessCheck.PRIMARY})

    async def _look(self, connection: Connection) -> frozenset[ReadinessCheck]:
        cursor = await connection.execute(_SELECT)
        row: Any = await cursor.fetchone()
        encoding, now, has_schema = row
        failing = set()
        if encoding != ENCODING:
            failing.add(ReadinessCheck.ENCODING)
        if not self._agrees_with(now):
            failing.add(ReadinessCheck.CLOCK)
        if not has_schema or not await self._is_current(connection):
            failing.add(ReadinessCheck.SCHEMA)
        elif not await _is_writable(connection):
            failing.add(ReadinessCheck.WRITABLE)
        return frozenset(failing)

    def _agrees_with(self, now: datetime) -> bool:
        return abs(now - self._machine_clock.now()) <= CLOCK_TOLERANCE

    async def _is_current(self, connection: Connection) -> bool:
        cursor = await connection.execute(_VERSIONS)
        applied = {version for (version,) in await cursor.fetchall()}
        return self._needed <= applied


async def _is_writable(connection: Connection) -> bool:
    """Whether a row could be inserted now."""
    try:
        for statement in _PROBE:
            await connection.execute(statement)
    except psycopg.Error:
        if connection.closed:
            raise
        return False
    finally:
        if not connection.closed:
            await connection.execute("ROLLBACK")
    return True
