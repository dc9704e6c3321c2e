"""The parameters of every connection, in addition to the operator's URL."""

import os
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from psycopg.conninfo import conninfo_to_dict, make_conninfo

#: How long all database work of one request may take, unless the operator sets another span.
DATABASE_TIMEOUT: Final = timedelta(seconds=5)
CONNECT_TIMEOUT_SECONDS: Final = 3
# psycopg prepares a statement after this many uses.
_PREPARE_AFTER: Final = 5
# Parameters that we rely on, and that a server, database or role can set differently.
_SESSION: Final = {
    "IntervalStyle": "postgres",
    "bytea_output": "hex",
    "standard_conforming_strings": "on",
    "default_transaction_isolation": "read\\ committed",
    "default_transaction_deferrable": "off",
}
#: The schemas of the tables, unless the URL names others.
SEARCH_PATH: Final = '"$user",public'
# Parameters that the URL's `options` may change.
_ADJUSTABLE: Final = {
    # A commit is acknowledged only once it is on disk, and on the synchronous standby.
    "synchronous_commit": "on",
    "search_path": SEARCH_PATH,
}
# libpq reads these two from the environment only, and there they win over `options`. A pooler
# passes them on.
os.environ.update(PGDATESTYLE="ISO, YMD", PGTZ="UTC")
# The kernel detects dead peers, too: after 20 s on an idle connection, after 5 s on a busy one.
_NETWORK: Final = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 5_000,
}


def connection_string(
    database_url: str,
    *,
    timeout: timedelta = DATABASE_TIMEOUT,
    prepared_statements: bool = True,
) -> str:
    """Returns the operator's URL with the parameters that every connection needs.

    If the two differ, the URL wins, except for the encoding and for ``_SESSION``.

    Args:
        database_url: A URL, or keywords and values.
        timeout: How long the server lets a statement run.
        prepared_statements: False for a pooler that may use another server connection for each
            transaction. It refuses or loses session settings, so none are sent.
    """
    given: dict[str, Any] = dict(conninfo_to_dict(database_url))
    ours: dict[str, Any] = {
        "connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "application_name": "vetassist",
        **_NETWORK,
    }
    options = given.get("options", "")
    if prepared_statements:
        # If an option is given several times, the last one counts.
        options = " ".join([*_flags(bounds(timeout) | _ADJUSTABLE), options, *_flags(_SESSION)])
    fixed = {"client_encoding": "UTF8", "options": options}
    return make_conninfo(**{**ours, **given, **fixed})


def connection_options(*, prepared_statements: bool) -> dict[str, Any]:
    """Returns the options for psycopg's ``connect``."""
    prepare_after = _PREPARE_AFTER if prepared_statements else None
    return {"autocommit": True, "prepare_threshold": prepare_after}


def bounds(timeout: timedelta) -> dict[str, str]:
    """Returns timeouts for the server, so that it stops working for a client that gave up."""
    return {
        "statement_timeout": f"{round(timeout.total_seconds() * 1000)}ms",
        "lock_timeout": "1s",
        "idle_in_transaction_session_timeout": "10s",
    }


def set_locally(values: Mapping[str, str]) -> str:
    """Returns the statement that sets these parameters for one transaction."""
    calls = [f"set_config('{name}', '{value}', true)" for name, value in values.items()]
    return f"SELECT {', '.join(calls)}"


def _flags(values: Mapping[str, str]) -> list[str]:
    return [f"-c {name}={value}" for name, value in values.items()]
