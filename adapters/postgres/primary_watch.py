"""Tracks which server is the primary, by a lease, and reads its clock.

A server that has lost its role may not know it: it may be cut off, or its supervisor may be dead.
So each process holds a lease. Twice a second it commits a message to the write-ahead log, and the
lease lasts two seconds from the moment the commit was *sent*. With a synchronous standby, the
commit returns only after that standby has confirmed it, and a promoted standby confirms nothing.

A lease on the former primary can outlast the promotion by two seconds. So after a promotion, no
process gets a lease on the new primary until the old leases have expired. The first process that
sees the new timeline records it in ``vetassist_timelines``, and all processes count from then.
No validation at the former primary can contradict what the new one has acknowledged.

Without a lease, nothing is answered from the database. The caller is told to try again.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Final, Self, final

import psycopg

from adapters.postgres.connection_string import connection_options
from adapters.postgres.deadline import sever, severed_after
from adapters.postgres.pool import Connection, inspect
from adapters.postgres.servers import TIMELINE, each_server
from application.errors import UnavailableError

_log = logging.getLogger("vetassist.database")

#: How long a commit proves that the server is the primary.
LEASE: Final = timedelta(seconds=2)
#: How long a new primary isn't used after its promotion was first seen: the lease, and a margin
#: for clocks that run at different speeds.
SETTLE: Final = timedelta(seconds=2.5)
_BEAT_SECONDS: Final = 0.5
# If a beat takes longer, all servers are asked again which of them is the primary.
_LATE_SECONDS: Final = 0.75
_LOOK_SECONDS: Final = 2.0
# With several servers, how often all of them are asked while the beat is regular.
_LOOK_AROUND_SECONDS: Final = 3.0
# A longer gap between two leases is recorded as an outage.
_OUTAGE_SECONDS: Final = 1.0

# Because of the message, the commit must be flushed and replicated. It also works on a database
# that is read-only by default or whose disk is nearly full, and it leaves no row.
_BEAT: Final = f"""
SELECT pg_logical_emit_message(true, 'vetassist', ''), clock_timestamp(), {TIMELINE}
"""
_NOTE_TIMELINE: Final = """
INSERT INTO vetassist_timelines (timeline) VALUES (%s) ON CONFLICT (timeline) DO NOTHING
"""
_SETTLED_FOR: Final = """
SELECT clock_timestamp() - seen_at FROM vetassist_timelines WHERE timeline = %s
"""
_NOTE_OUTAGE: Final = """
WITH forgotten AS (
    DELETE FROM vetassist_outages WHERE ended_at < now() - interval '1 day'
)
INSERT INTO vetassist_outages (began_at, ended_at)
VALUES (clock_timestamp() - %s, clock_timestamp())
"""


def elapsed() -> float:
    """Returns seconds of a clock that is never set, and that continues while the machine sleeps."""
    return time.clock_gettime(_CLOCK)


_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """The primary's clock, and when it was read."""

    at: float
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Beat:
    """A commit in progress.

    Attributes:
        sent_at: When it was sent, which is when the lease that it proves begins.
        answer: The primary's clock and timeline, once the commit has returned.
    """

    sent_at: float
    answer: asyncio.Task[tuple[datetime, int]]


@final
class PrimaryWatch:
    """Watches the servers of a database's URL, from entry to exit.

    Args:
        conninfo: The connection string, which may name several servers.
        prepared_statements: As for ``connection_string``.
    """

    def __init__(self, conninfo: str, *, prepared_statements: bool = True) -> None:
        self._options = connection_options(prepared_statements=prepared_statements)
        self._servers = each_server(conninfo)
        self._connection: Connection | None = None
        self._beat: _Beat | None = None
        self._where: str | None = None
        self._is_found = asyncio.Event()
        self._has_news = asyncio.Event()
        self._newest_timeline = 0
        self._settles_at: float | None = None
        self._lease_timeline: int | None = None
        self._lease_ends = float("-inf")
        self._reading: _Reading | None = None
        self._fault: Exception | None = None
        self._looked_around_at = float("-inf")
        self._task: asyncio.Task[None] | None = None

    @property
    def timeline(self) -> int | None:
        """The primary's timeline, or None while it isn't certain which server is the primary."""
        return self._lease_timeline if elapsed() < self._lease_ends else None

    async def conninfo(self) -> str:
        """Returns the connection string of the primary, and waits briefly if it isn't known.

        Raises:
            UnavailableError: It wasn't found in time.
        """
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                await self._is_found.wait()
        except TimeoutError as error:
            raise UnavailableError("no_primary") from error
        if self._where is None:
            raise UnavailableError("no_primary")
        return self._where

    async def certain(self, within: timedelta) -> None:
        """Returns once the primary is certain.

        Raises:
            UnavailableError: It isn't certain in time.
            psycopg.ProgrammingError: It can't become certain: the schema or a privilege is missing.
        """
        until = elapsed() + within.total_seconds()
        while self.timeline is None:
            if isinstance(self._fault, psycopg.ProgrammingError):
                raise self._fault
            self._has_news.clear()
            try:
                async with asyncio.timeout(max(0.0, until - elapsed())):
                    await self._has_news.wait()
            except TimeoutError:
                raise UnavailableError("no_primary") from self._fault

    def now(self) -> datetime | None:
        """Returns the time by the primary's clock (UTC), or None before it was first read."""
        reading = self._reading
        if reading is None:
            return None
        return reading.now + timedelta(seconds=elapsed() - reading.at)

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._let_go()

    async def _watch(self) -> None:
        while True:
            began = elapsed()
            try:
                await self._step()
            except (psycopg.Error, OSError, UnavailableError) as error:
                self._fault = error
                self._has_news.set()
                _log.warning("primary_uncertain", extra={"reason": _kind_of(error)})
                await self._let_go()
            await asyncio.sleep(max(0.0, began + _BEAT_SECONDS - elapsed()))

    async def _step(self) -> None:
        """Sends a beat unless one is in progress, and renews the lease once it returns."""
        connection = self._connection or await self._adopt(await self._find())
        if self._beat is None:
            answer = asyncio.create_task(_commit(connection))
            self._beat = _Beat(sent_at=elapsed(), answer=answer)
        beat = self._beat
        await asyncio.wait([beat.answer], timeout=_LATE_SECONDS)
        if beat.answer.done():
            self._beat = None
            await self._proved(connection, beat)
        if self._is_time_to_look_around():
            await self._look_around(connection)

    async def _proved(self, connection: Connection, beat: _Beat) -> None:
        """Renews the lease from the moment the beat was sent."""
        now, timeline = beat.answer.result()
        if timeline != connection.timeline:
            # Behind a pooler, another server may have taken over unnoticed.
            raise UnavailableError("other_timeline")
        if elapsed() - beat.sent_at < _LATE_SECONDS:
            # It was read right after the beat was sent. Then the commit waited for the standby.
            self._reading = _Reading(at=beat.sent_at, now=now)
        if not await self._is_settled(connection):
            return
        if self._lease_timeline is not None:
            await _note_outage(connection, elapsed() - self._lease_ends)
        self._lease_timeline = connection.timeline
        self._lease_ends = beat.sent_at + LEASE.total_seconds()
        self._has_news.set()

    async def _is_settled(self, connection: Connection) -> bool:
        """Whether every lease on a former primary has expired."""
        if self._settles_at is None:
            with severed_after(_LOOK_SECONDS, connection):
                settled_for = await _settled_for(connection)
            self._settles_at = elapsed() + max(0.0, (SETTLE - settled_for).total_seconds())
        return elapsed() >= self._settles_at

    def _is_time_to_look_around(self) -> bool:
        if self._beat is not None:
            return True
        is_due = elapsed() - self._looked_around_at > _LOOK_AROUND_SECONDS
        return len(self._servers) > 1 and is_due

    async def _look_around(self, connection: Connection) -> None:
        """Moves to a server with a newer timeline, if there is one."""
        try:
            found = await self._find()
        except UnavailableError:
            # The late server may still answer.
            return
        if _timeline_of(found) > _timeline_of(connection):
            await self._let_go()
            await self._adopt(found)
        else:
            await found.close()

    async def _find(self) -> Connection:
        """Returns a connection to the primary with the newest timeline.

        Raises:
            UnavailableError: There is no primary, or only a former one.
        """
        self._looked_around_at = elapsed()
        asked = await asyncio.gather(
            *(_primary_at(server, self._options) for server in self._servers)
        )
        found = sorted((each for each in asked if each is not None), key=_timeline_of)
        for former in found[:-1]:
            await former.close()
        if not found:
            raise UnavailableError("no_primary")
        if _timeline_of(found[-1]) < self._newest_timeline:
            await found[-1].close()
            raise UnavailableError("former_primary")
        return found[-1]

    async def _adopt(self, connection: Connection) -> Connection:
        """Uses this server from now on."""
        if _timeline_of(connection) > self._newest_timeline:
            self._newest_timeline = _timeline_of(connection)
            self._settles_at = None
        self._connection = connection
        self._where = connection.server
        self._is_found.set()
        return connection

    async def _let_go(self) -> None:
        """Closes the connection, even during a beat."""
        self._is_found.clear()
        connection, self._connection = self._connection, None
        beat, self._beat = self._beat, None
        if connection is not None:
            sever(connection)
        if beat is not None:
            # Isn't cancelled, because psycopg would ask the server to cancel the commit.
            await asyncio.wait([beat.answer])
            with suppress(psycopg.Error, OSError):
                beat.answer.result()
        if connection is not None:
            await connection.close()


@asynccontextmanager
async def certain_primary(watch: PrimaryWatch, within: timedelta) -> AsyncIterator[PrimaryWatch]:
    """Yields the watch once the primary is certain.

    Raises:
        UnavailableError: It isn't certain in time.
    """
    async with watch:
        await watch.certain(within)
        yield watch


@asynccontextmanager
async def sought_primary(watch: PrimaryWatch, within: timedelta) -> AsyncIterator[PrimaryWatch]:
    """Yields the watch once the primary is certain or the time is up."""
    async with watch:
        with suppress(UnavailableError, psycopg.ProgrammingError):
            await watch.certain(within)
        yield watch


async def _commit(connection: Connection) -> tuple[datetime, int]:
    cursor = await connection.execute(_BEAT)
    row: Any = await cursor.fetchone()
    _, now, timeline = row
    return now.astimezone(UTC), int(timeline, 16)


async def _settled_for(connection: Connection) -> timedelta:
    """Returns how long ago the server's timeline was first seen."""
    cursor = await connection.execute(_SETTLED_FOR, (connection.timeline,))
    row: Any = await cursor.fetchone()
    if row is None:
        # Written only if it is new, so that a read-only database still answers look-ups.
        await connection.execute(_NOTE_TIMELINE, (connection.timeline,))
        return timedelta()
    span: timedelta = row[0]
    return span


async def _note_outage(connection: Connection, seconds: float) -> None:
    """Records that answers may have been lost: see `domain.outage`."""
    if seconds < _OUTAGE_SECONDS:
        return
    span = timedelta(seconds=seconds) + LEASE
    # If the database takes no rows, its sessions must still be readable.
    with severed_after(_LOOK_SECONDS, connection), suppress(psycopg.DatabaseError):
        await connection.execute(_NOTE_OUTAGE, (span,))
    if connection.closed:
        raise UnavailableError("connection_lost")


async def _primary_at(server: str, options: dict[str, Any]) -> Connection | None:
    """Returns a connection to the server if it answers and considers itself the primary."""
    connection: Connection | None = None
    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            connection = await Connection.connect(server, **options)
        with severed_after(_LOOK_SECONDS, connection):
            await inspect(connection)
    except (psycopg.Error, OSError, TimeoutError) as error:
        _log.debug("server_passed_over", extra={"reason": type(error).__name__})
        if connection is not None:
            await connection.close()
        return None
    if connection.timeline is None:
        await connection.close()
        return None
    connection.server = server
    return connection


def _timeline_of(connection: Connection) -> int:
    return connection.timeline or 0


def _kind_of(error: Exception) -> str:
    """Returns our own message, or else the type only: libpq's messages may contain secrets."""
    return str(error) if isinstance(error, UnavailableError) else type(error).__name__
