"""The connections to PostgreSQL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import AsyncConnectionPool

Pool = AsyncConnectionPool[AsyncConnection[Any]]

#: How long a caller waits for a free connection before it hears: try again later.
WAIT_FOR_CONNECTION: Final = timedelta(seconds=3)
_MAX_WAITING: Final = 256
_CONNECT_TIMEOUT_SECONDS: Final = 5
# The pool doubles its pause between tries for so long, and then begins anew with the next caller:
# so a database that was away for long is not kept waiting for long.
_RECONNECT_SECONDS: Final = 2
# A commit is acknowledged only once it is on disk, whatever the server's default.
_SESSION: Final = {
    "synchronous_commit": "on",
    "statement_timeout": "5s",
    "lock_timeout": "3s",
    "idle_in_transaction_session_timeout": "10s",
    "TimeZone": "UTC",
}


def connection_string(database_url: str) -> str:
    """The operator's URL with what every connection of ours needs; what it says itself wins."""
    given: dict[str, Any] = dict(conninfo_to_dict(database_url))
    ours: dict[str, Any] = {
        "connect_timeout": _CONNECT_TIMEOUT_SECONDS,
        "application_name": "vetassist",
        # With several hosts in the URL: the primary, so that no read lags behind a revocation.
        "target_session_attrs": "read-write",
    }
    # Of several options of one name the last one counts.
    options = [f"-c {name}={value}" for name, value in _SESSION.items()]
    options.append(given.get("options", ""))
    return make_conninfo(**{**ours, **given, "options": " ".join(options).strip()})


def build_pool(database_url: str, *, max_size: int, min_size: int = 2) -> Pool:
    """A pool that is not open yet. Its connections commit each statement by itself."""
    return Pool(
        conninfo=connection_string(database_url),
        kwargs={"autocommit": True},
        min_size=min(min_size, max_size),
        max_size=max_size,
        timeout=WAIT_FOR_CONNECTION.total_seconds(),
        max_waiting=_MAX_WAITING,
        reconnect_timeout=_RECONNECT_SECONDS,
        open=False,
    )


@asynccontextmanager
async def opened(pool: Pool) -> AsyncIterator[Pool]:
    """The pool, open from here to there. It starts without a database and fills once it is up."""
    await pool.open(wait=False)
    try:
        yield pool
    finally:
        await pool.close()
