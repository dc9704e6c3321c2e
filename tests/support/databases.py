"""Databases of a test's own, on the server that all tests share."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import dict_row

from adapters.postgres.migrations import migrate

_TRIES: Final = 6000
_TRY_SECONDS: Final = 0.01
_SHORT_TRY_SECONDS: Final = 0.001
_TERMINATE: Final = """
SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'vetassist'
"""
_STILL_THERE: Final = "SELECT FROM pg_stat_activity WHERE pid = ANY (%s)"


#: The role that the service has in the tests, with a name that no other run's role has.
APPLICATION_ROLE: Final = f"vetassist_application_{secrets.token_hex(4)}"
_APPLICATION_PASSWORD: Final = secrets.token_hex(16)


@contextmanager
def application_role(owner_url: str) -> Iterator[str]:
    """Migrate a database for the application's role; its URL of the database."""
    owner = conninfo_to_dict(owner_url)
    _OWNER.update({name: owner.get(name) for name in ("user", "password")})
    migrate(owner_url, application_role=APPLICATION_ROLE)
    role = sql.Identifier(APPLICATION_ROLE)
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, sql.Literal(_APPLICATION_PASSWORD))
        )
        yield as_application(owner_url)
        connection.execute(sql.SQL("DROP OWNED BY {}").format(role))
        connection.execute(
            "DELETE FROM vetassist_application_roles WHERE name = %s", (APPLICATION_ROLE,)
        )
        connection.execute(sql.SQL("DROP ROLE {}").format(role))


_OWNER: Final[dict[str, Any]] = {}


def as_application(database_url: str) -> str:
    """A database as the service reaches it: as a role that may do what the service does."""
    return make_conninfo(database_url, user=APPLICATION_ROLE, password=_APPLICATION_PASSWORD)


def as_owner(database_url: str) -> str:
    """A database as its owner reaches it, who may do anything."""
    return make_conninfo(database_url, **_OWNER)


@contextmanager
def new_database(server_url: str, *, like: str | None = None) -> Iterator[str]:
    """An empty database, or a copy of one that nobody is connected to; as its owner.

    It goes when the block ends, whoever is still connected.
    """
    template = sql.Identifier(
        "template1" if like is None else str(conninfo_to_dict(like)["dbname"])
    )
    name = sql.Identifier(f"vetassist_test_{secrets.token_hex(8)}")
    server_url = as_owner(server_url)
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(name, template)
        )
        try:
            yield make_conninfo(server_url, dbname=name.as_string().strip('"'))
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def rows_of(database_url: str, query: str, *parameters: object) -> list[dict[str, Any]]:
    """What a query finds, committed, on a connection of its own."""
    with (
        psycopg.connect(database_url) as connection,
        connection.cursor(row_factory=dict_row) as cursor,
    ):
        return cursor.execute(query.encode(), parameters).fetchall()


def count_of(database_url: str, table: str) -> int:
    with psycopg.connect(database_url) as connection:
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
        row = connection.execute(query).fetchone()
    assert row is not None
    count: int = row[0]
    return count


def change(database_url: str, statements: str) -> None:
    """Run statements as the owner in one transaction, on a connection of their own."""
    with psycopg.connect(as_owner(database_url)) as connection:
        connection.execute(statements.encode())


def end_connections(database_url: str) -> int:
    """Make the server end the service's connections; how many there were.

    Returns when their server processes are gone.
    """
    with psycopg.connect(as_owner(database_url), autocommit=True) as connection:
        ended = [pid for pid, _ in connection.execute(_TERMINATE)]
        for _ in range(_TRIES):
            # PostgreSQL's own wait looks every 100 ms only.
            if not connection.execute(_STILL_THERE, (ended,)).fetchall():
                return len(ended)
            time.sleep(_SHORT_TRY_SECONDS)
    raise AssertionError("the connections should be gone by now")


def until_waiting(connection: psycopg.Connection[Any], processes: int) -> None:
    """Return once so many others wait for a lock in this connection's database."""
    for _ in range(_TRIES):
        row = connection.execute(
            """
            SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'
            """
        ).fetchone()
        if row is not None and row[0] >= processes:
            return
        time.sleep(_TRY_SECONDS)
    raise AssertionError(f"{processes} processes should be waiting by now")
