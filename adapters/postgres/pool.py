"""The connections to PostgreSQL."""

import select
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final, Protocol, TypeVar, final

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from adapters.postgres.connection_string import (
    CONNECT_TIMEOUT_SECONDS,
    DATABASE_TIMEOUT,
    bounds,
    connection_options,
    connection_string,
    set_locally,
)
from adapters.postgres.deadline import Deadline, deadline_or, severed_after
from adapters.postgres.servers import TIMELINE_IF_PRIMARY, timeline_of
from adapters.postgres.stuck_rows import StuckRows

_T = TypeVar("_T")

#: How long a caller waits for a free connection.
WAIT_FOR_CONNECTION: Final = timedelta(seconds=3)
_MAX_WAITING: Final = 256
# The pool doubles its pause between attempts until this much time has passed, and starts over with
# the next caller. So it is back soon even if the database was away for long.
_RECONNECT_SECONDS: Final = 2
# A connection that was idle for longer is checked before it is used.
_TRUSTED_FOR_SECONDS: Final = 5.0
_CHECK_SECONDS: Final = 1.0
# How long a caller waits until the primary is certain.
_WAIT_FOR_PROOF: Final = timedelta(seconds=1)
# Asked once for each new connection.
_INSPECT: Final = f"""
SELECT
    {TIMELINE_IF_PRIMARY},
    -- So that a statement ends soon after its client is gone. Behind a pooler, the setting lasts
    -- for this statement only.
    set_config('client_connection_check_interval', '1s', %(is_pooled)s)
"""


@final
class Connection(AsyncConnection[Any]):
    """A pooled connection.

    Attributes:
        timeline: The timeline of the server, which increases with each fail-over. None on a
            standby.
        server: The connection string of that one server, if it was chosen among several.
        used_at: When it was last known to work (``time.monotonic``).
    """

    timeline: int | None = None
    server: str | None = None
    used_at: float = 0.0


class Primary(Protocol):
    """What a pool must know about the primary."""

    @property
    def timeline(self) -> int | None:
        """The primary's timeline, or None while it isn't certain which server is the primary."""

    async def certain(self, within: timedelta) -> None:
        """Returns once the primary is certain.

        Raises:
            UnavailableError: It isn't certain in time.
        """

    async def conninfo(self) -> str:
        """Returns the connection string of the primary.

        Raises:
            UnavailableError: No primary was found.
        """


@final
class Pool:
    """A pool of connections in autocommit mode.

    Every use has a deadline: that of its request, or ``timeout``. A connection that misses its
    deadline is closed.

    Args:
        conninfo: Where to connect. Ignored if ``primary`` is given.
        max_size: The largest number of connections.
        min_size: The number of connections that are kept open.
        timeout: The deadline outside of a request.
        primary: Says which server is the primary. If None, the server at ``conninfo`` is used
            without a check.
        prepared_statements: As for ``connection_string``.

    Attributes:
        begin: The statements that begin a transaction.
        stuck_rows: The rows that couldn't be locked in time.
    """

    def __init__(
        self,
        conninfo: str,
        *,
        max_size: int,
        min_size: int,
        timeout: timedelta = DATABASE_TIMEOUT,
        primary: Primary | None = None,
        prepared_statements: bool = True,
    ) -> None:
        self.begin: Sequence[str] = ("BEGIN",)
        if not prepared_statements:
            self.begin += (set_locally(bounds(timeout)),)
        self.stuck_rows = StuckRows()
        self.wait_seconds = WAIT_FOR_CONNECTION.total_seconds()
        self._timeout = timeout
        self._primary = primary
        self._in_use = 0
        self._pool = AsyncConnectionPool(
            conninfo=conninfo if primary is None else primary.conninfo,
            connection_class=Connection,
            configure=_configure,
            kwargs=connection_options(prepared_statements=prepared_statements),
            min_size=min(min_size, max_size),
            max_size=max_size,
            timeout=self.wait_seconds,
            max_waiting=_MAX_WAITING,
            reconnect_timeout=_RECONNECT_SECONDS,
            open=False,
        )

    @property
    def max_waiting(self) -> int:
        """The largest number of callers that may wait for a connection."""
        return self._pool.max_waiting

    @max_waiting.setter
    def max_waiting(self, number: int) -> None:
        self._pool.max_waiting = number

    async def open(self) -> None:
        """Starts to connect, and returns. Connects later if there is no database yet."""
        await self._pool.open(wait=False)

    async def wait(self) -> None:
        """Returns once ``min_size`` connections are open."""
        await self._pool.wait()

    async def close(self) -> None:
        """Closes all connections. One that is in use is closed when it is given back."""
        await self._pool.close()

    def get_stats(self) -> dict[str, int]:
        """Returns psycopg's statistics and ``in_use``, the number of connections in use."""
        return self._pool.get_stats() | {"in_use": self._in_use}

    @property
    def is_certain(self) -> bool:
        """Whether it is certain which server is the primary."""
        return self._primary is None or self._primary.timeline is not None

    def is_current(self, connection: Connection) -> bool:
        """Whether the connection leads to the server that is certainly the primary."""
        return self._primary is None or connection.timeline == self._primary.timeline

    @asynccontextmanager
    async def connection(self, *, within: timedelta | None = None) -> AsyncIterator[Connection]:
        """Lends a working connection.

        Args:
            within: A deadline of its own, for work that takes long.

        Raises:
            UnavailableError: The time is up, or it isn't certain which server is the primary.
            psycopg_pool.PoolTimeout, psycopg_pool.TooManyRequests: No connection is free in time.
        """
        deadline = deadline_or(self._timeout) if within is None else Deadline(within)
        with deadline.running():
            connection = await self.take(deadline)
            # The wait for the connection counts.
            with severed_after(deadline.seconds_left, connection):
                try:
                    yield connection
                finally:
                    await self.give_back(connection)

    async def answer(self, ask: Callable[[Connection], Awaitable[_T]]) -> _T:
        """Returns the result of ``ask``, and retries once if its connection broke.

        Only for work that may be done twice.
        """
        first: Connection | None = None
        try:
            async with self.connection() as first:
                return await ask(first)
        except psycopg.OperationalError:
            if first is None or not first.closed:
                raise
        async with self.connection() as second:
            return await ask(second)

    async def rows(self, query: str, parameters: Any = None) -> list[DictRow]:
        """Returns all rows of a query. Retries as ``answer`` does."""

        async def ask(connection: Connection) -> list[DictRow]:
            async with connection.cursor(row_factory=dict_row) as cursor:
                await cursor.execute(query.encode(), parameters)
                return await cursor.fetchall()

        return await self.answer(ask)

    async def take(self, deadline: Deadline | None = None) -> Connection:
        """Takes a working connection, for a caller that has its own deadline for each use.

        The caller must give it back. Raises the same errors as ``connection``.
        """
        patience = self.wait_seconds if deadline is None else deadline.seconds_left
        until = time.monotonic() + min(self.wait_seconds, patience)
        while True:
            if self._primary is not None and self._primary.timeline is None:
                # A busy process may only be late with its heartbeat.
                left = timedelta(seconds=max(0.0, until - time.monotonic()))
                await self._primary.certain(min(left, _WAIT_FOR_PROOF))
            connection = await self._pool.getconn(until - time.monotonic())
            if self.is_current(connection) and await _works(connection):
                self._in_use += 1
                return connection
            if self.is_certain:
                # It is broken or leads to a former primary.
                await connection.close()
            await self._pool.putconn(connection)

    async def give_back(self, connection: Connection) -> None:
        """Returns a connection to the pool, in whatever state."""
        connection.used_at = time.monotonic()
        try:
            await self._pool.putconn(connection)
        finally:
            self._in_use -= 1


def build_pool(
    database_url: str,
    *,
    max_size: int,
    min_size: int = 2,
    timeout: timedelta = DATABASE_TIMEOUT,
    primary: Primary | None = None,
    prepared_statements: bool = True,
) -> Pool:
    """Returns a pool for the operator's URL. It isn't open yet."""
    return Pool(
        connection_string(database_url, timeout=timeout, prepared_statements=prepared_statements),
        max_size=max_size,
        min_size=min_size,
        timeout=timeout,
        primary=primary,
        prepared_statements=prepared_statements,
    )


@asynccontextmanager
async def opened(pool: Pool) -> AsyncIterator[Pool]:
    """Opens the pool, and closes it after the block."""
    await pool.open()
    try:
        yield pool
    finally:
        await pool.close()


async def _configure(connection: Connection) -> None:
    with severed_after(CONNECT_TIMEOUT_SECONDS, connection):
        await inspect(connection)
    if connection.timeline is None:
        raise psycopg.OperationalError("a standby")


async def inspect(connection: Connection) -> None:
    """Sets the attributes of a new connection.

    Raises:
        psycopg.OperationalError: The server doesn't answer.
    """
    is_pooled = connection.prepare_threshold is None
    cursor = await connection.execute(_INSPECT, {"is_pooled": is_pooled})
    row = await cursor.fetchone()
    connection.timeline = None if row is None else timeline_of(row[0])
    connection.used_at = time.monotonic()


async def _works(connection: Connection) -> bool:
    """Whether the connection works. Asks the server only if that is in doubt.

    If the server has closed an idle connection, its last message is there to be read.
    """
    if connection.closed:
        return False
    is_trusted = time.monotonic() - connection.used_at < _TRUSTED_FOR_SECONDS
    if is_trusted and not _is_readable(connection.fileno()):
        return True
    try:
        with severed_after(_CHECK_SECONDS, connection):
            await connection.execute("")
    except psycopg.OperationalError:
        return False
    return True


def _is_readable(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
