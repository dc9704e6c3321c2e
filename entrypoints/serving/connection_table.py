"""The open connections of one server process, and their limit."""

import asyncio
import resource
import time
from typing import Final, Protocol, final

import structlog

_log = structlog.stdlib.get_logger("vetassist.server")

#: Enough for any proxy. An idle connection takes about 10 kB of memory.
_MOST_CONNECTIONS: Final = 10_000
#: Files, pipes, calls to VA (up to two for each sign-in in progress), scrapes of metrics.
_OTHER_FILES: Final = 200
#: This share of the connections is kept idle, so that one can be closed for a new one.
_SPARE_SHARE: Final = 8
_LOG_INTERVAL_SECONDS: Final = 10.0


class Connection(Protocol):
    """A connection, as the table uses it."""

    def give_way(self) -> None:
        """Close an idle connection."""


@final
class ConnectionTable:
    """Tracks which connections are idle, the one that is idle longest first.

    Idle connections can't keep new ones out. At the limit, the one that is idle longest is closed.

    Attributes:
        is_ending: Whether the server shuts down, so that each connection closes after a response.
    """

    def __init__(self, most: int) -> None:
        self.is_ending = False
        self._most = most
        self._most_at_work = most - max(1, most // _SPARE_SHARE)
        self._count = 0
        # A dict keeps the order in which connections became idle.
        self._waiting: dict[Connection, None] = {}
        self._closed = asyncio.Event()
        self._crowded = Seldom()

    def __len__(self) -> int:
        """The number of open connections."""
        return self._count

    @property
    def is_overloaded(self) -> bool:
        """Whether so many requests are in progress that the next one must be refused."""
        return self._count - len(self._waiting) >= self._most_at_work

    def opened(self, connection: Connection) -> None:
        """Add a new, idle connection. At the limit, close another one."""
        if self._count >= self._most:
            self.make_room(1)
            if self._crowded.is_due():
                _log.warning("too_many_connections", open=self._count, most=self._most)
        self._count += 1
        self._waiting[connection] = None

    def waits(self, connection: Connection) -> None:
        """The connection is idle: it waits for its client."""
        self._waiting[connection] = None

    def works(self, connection: Connection) -> None:
        """The connection is busy with a request."""
        self._waiting.pop(connection, None)

    def closed(self, connection: Connection) -> None:
        """The connection is closed."""
        self._count -= 1
        self._waiting.pop(connection, None)
        self._closed.set()

    def make_room(self, count: int) -> None:
        """Close up to ``count`` connections, starting with those that are idle longest."""
        for _ in range(min(count, len(self._waiting))):
            longest = next(iter(self._waiting))
            del self._waiting[longest]
            longest.give_way()

    async def all_closed(self) -> None:
        """Return once no connection is open."""
        while self._count:
            self._closed.clear()
            await self._closed.wait()


@final
class Seldom:
    """Limits how often a message is logged that could occur thousands of times a second."""

    def __init__(self) -> None:
        self._next = 0.0

    def is_due(self) -> bool:
        """Whether the last message was long enough ago. If so, counts this one as logged."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + _LOG_INTERVAL_SECONDS
        return True


def raise_file_limit() -> None:
    """Raise the limit of open files to the hard limit, for this process and its children."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ValueError, OSError):
        # Some systems report a hard limit that they don't grant. The soft limit stays.
        _log.debug("file_limit_kept")


def most_connections(pool_size: int) -> int:
    """The number of connections that leaves enough file handles for everything else."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return _MOST_CONNECTIONS
    return min(_MOST_CONNECTIONS, max(soft - _OTHER_FILES - pool_size, soft // 2))
