"""The open connections of one server process, and how many there may be."""

import asyncio
import resource
import time
from typing import Final, Protocol, final

import structlog

_log = structlog.stdlib.get_logger("vetassist.server")

#: Enough for any proxy. An idle connection takes about 10 kB of memory.
_MOST_CONNECTIONS: Final = 10_000
#: Files, pipes, calls to VA (httpx opens up to 100), scrapes of metrics.
_OTHER_FILES: Final = 200
#: The connections that are never all at work, so that there is one to close for a new one.
_SPARE_SHARE: Final = 8
_LOG_INTERVAL_SECONDS: Final = 10.0


class Connection(Protocol):
    """What the table needs of a connection."""

    def give_way(self) -> None:
        """Close it; it waits for its client."""


@final
class ConnectionTable:
    """Knows which connections wait for their clients, longest first.

    Idle connections cannot keep others out: when there are too many, the one that has waited
    longest for its client is closed.

    Attributes:
        is_ending: Whether the server is about to end, so that each answer is its connection's last.
    """

    def __init__(self, most: int) -> None:
        self.is_ending = False
        self._most = most
        self._most_at_work = most - max(1, most // _SPARE_SHARE)
        self._count = 0
        # A dict keeps the order in which they began to wait.
        self._waiting: dict[Connection, None] = {}
        self._closed = asyncio.Event()
        self._crowded = Seldom()

    def __len__(self) -> int:
        """How many are open."""
        return self._count

    @property
    def is_overloaded(self) -> bool:
        """Whether so many requests are at work that the next one has to be refused."""
        return self._count - len(self._waiting) >= self._most_at_work

    def opened(self, connection: Connection) -> None:
        """Take in a new connection, which waits for its client; another may have to go."""
        if self._count >= self._most:
            self.make_room(1)
            if self._crowded.is_due():
                _log.warning("too_many_connections", open=self._count, most=self._most)
        self._count += 1
        self._waiting[connection] = None

    def waits(self, connection: Connection) -> None:
        """It is the client's turn."""
        self._waiting[connection] = None

    def works(self, connection: Connection) -> None:
        """It is the service's turn."""
        self._waiting.pop(connection, None)

    def closed(self, connection: Connection) -> None:
        """It is gone."""
        self._count -= 1
        self._waiting.pop(connection, None)
        self._closed.set()

    def make_room(self, count: int) -> None:
        """Close up to ``count`` connections: those that have waited longest for their clients."""
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
    """Tells whether a message that could come a thousand times a second is due again."""

    def __init__(self) -> None:
        self._next = 0.0

    def is_due(self) -> bool:
        """Whether the last one is long enough ago; if so, this one counts as sent."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + _LOG_INTERVAL_SECONDS
        return True


def raise_file_limit() -> None:
    """Allow this process, and those that it starts, as many open files as the system lets it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ValueError, OSError):
        # Some systems name a hard limit that they do not grant. The soft one holds.
        _log.debug("file_limit_kept")


def most_connections(pool_size: int) -> int:
    """How many connections leave enough file handles for everything else."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return _MOST_CONNECTIONS
    return min(_MOST_CONNECTIONS, max(soft - _OTHER_FILES - pool_size, soft // 2))
