"""Connections of commands, and checks of what the service relies on."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from adapters.postgres.connection_string import connection_string
from adapters.postgres.deadline import answered_within
from adapters.postgres.servers import TIMELINE_IF_PRIMARY, each_server, timeline_of
from application.errors import UnavailableError

#: How long a command waits for the answer to a simple query.
ANSWER_TIMEOUT: Final = timedelta(seconds=5)
#: The only encoding that stores every name.
ENCODING: Final = "UTF8"
_SELECT_TIMELINE: Final = f"SELECT {TIMELINE_IF_PRIMARY}"
_SELECT_ENCODING: Final = "SELECT current_setting('server_encoding')"
# Parameters that the service relies on but may not be able to set: a pattern for usable values, and
# the value to recommend. Of the timeouts, only tiny ones are harmful.
_WRONG: Final = """
SELECT name, current_setting(name), value, current_user
FROM (VALUES
    ('DateStyle', '^ISO', 'ISO, YMD'),
    ('IntervalStyle', '^postgres$', 'postgres'),
    ('TimeZone', '^(Etc/)?UTC$', 'UTC'),
    ('standard_conforming_strings', '^on$', 'on'),
    ('default_transaction_isolation', '^read committed$', 'read committed'),
    ('synchronous_commit', '^(on|remote_apply)$', 'on'),
    ('statement_timeout', '^(0|[0-9]{4,})$', '0'),
    ('lock_timeout', '^(0|[0-9]{3,})$', '0')
) AS needed (name, pattern, value) JOIN pg_settings USING (name)
WHERE setting !~ pattern
ORDER BY name
"""
# Two clients take turns, each with a prepared statement of its own. If the pooler doesn't track
# prepared statements, one client soon gets a server connection without its statement, or with the
# other client's statement of the same name.
_ONE, _OTHER = "SELECT 1", "SELECT 2"
_TURNS: Final = (_ONE, _OTHER) * 2


class DatabaseFaultError(Exception):
    """The database can't be used. The message says why, in one line."""


class EncodingError(DatabaseFaultError):
    """The encoding of the database can't store every character."""


class PrivilegeError(DatabaseFaultError):
    """The role lacks a privilege."""


class PoolerError(DatabaseFaultError):
    """A pooler between the service and PostgreSQL doesn't support prepared statements."""


@contextmanager
def command_connection(
    database_url: str, *, prepared_statements: bool = True, within: timedelta = ANSWER_TIMEOUT
) -> Iterator[psycopg.Connection[Any]]:
    """Opens a connection with one transaction, and commits it after the block.

    Args:
        database_url: The URL of the database.
        prepared_statements: As for ``connection_string``.
        within: The deadline of the transaction.

    Raises:
        DatabaseFaultError: The database can't be used.
        UnavailableError: The database didn't answer in time.
        psycopg.Error: The database can't be reached, or refuses.
    """
    connection = _connect(database_url, prepared_statements=prepared_statements)
    with closing(connection), answered_within(within, connection):
        with answered_within(ANSWER_TIMEOUT, connection):
            _require_encoding(connection)
        yield connection
        connection.commit()


@contextmanager
def plain_connection(
    database_url: str, *, prepared_statements: bool, within: timedelta
) -> Iterator[psycopg.Connection[Any]]:
    """A connection of its own that commits each statement. Raises as ``command_connection``."""
    connection = _connect(database_url, prepared_statements=prepared_statements)
    with closing(connection), answered_within(within, connection):
        connection.autocommit = True
        yield connection


def connection_faults(database_url: str, *, prepared_statements: bool) -> list[str]:
    """Returns the parameters with unusable values, each with the statement that corrects it.

    If a pooler refuses or drops session settings, the server's defaults apply.

    Raises:
        PoolerError: Prepared statements don't work.
        DatabaseFaultError: The database can't be used.
        UnavailableError: The database didn't answer in time.
        psycopg.Error: The database can't be reached, or refuses.
    """
    given = conninfo_to_dict(database_url).get("options") or ""
    with command_connection(database_url, prepared_statements=prepared_statements) as connection:
        wrong = connection.execute(_WRONG).fetchall()
    if prepared_statements:
        _require_prepared_statements(database_url)
    return [
        f"{name} is '{found}' on connections of the service: "
        f"ALTER ROLE {sql.Identifier(role).as_string()} SET {name} = '{needed}'"
        for name, found, needed, role in wrong
        # A value in the URL is intended.
        if name not in str(given)
    ]


def _connect(database_url: str, *, prepared_statements: bool) -> psycopg.Connection[Any]:
    conninfo = connection_string(database_url, prepared_statements=prepared_statements)
    try:
        return _primary(conninfo)
    except psycopg.errors.ConnectionTimeout:
        raise
    except psycopg.OperationalError as error:
        if prepared_statements and _answers_without_settings(database_url):
            raise PoolerError("refuses the service's session settings") from error
        raise


def _primary(conninfo: str) -> psycopg.Connection[Any]:
    """Connects to the primary with the newest timeline.

    Raises:
        UnavailableError: The last server that could be the primary didn't answer in time.
        psycopg.OperationalError: No primary answers.
    """
    newest: tuple[int, psycopg.Connection[Any]] | None = None
    fault: Exception = psycopg.OperationalError("every server is a standby")
    for server in each_server(conninfo):
        try:
            connection = psycopg.connect(server, prepare_threshold=None)
            timeline = _timeline(connection)
        except (psycopg.OperationalError, UnavailableError) as error:
            fault = error
            continue
        if timeline is None or (newest is not None and newest[0] > timeline):
            connection.close()
            continue
        if newest is not None:
            newest[1].close()
        newest = timeline, connection
    if newest is None:
        raise fault
    return newest[1]


def _timeline(connection: psycopg.Connection[Any]) -> int | None:
    with answered_within(ANSWER_TIMEOUT, connection):
        row: Any = connection.execute(_SELECT_TIMELINE).fetchone()
        connection.rollback()
    return timeline_of(row[0])


def _answers_without_settings(database_url: str) -> bool:
    try:
        _primary(connection_string(database_url, prepared_statements=False)).close()
    except (psycopg.OperationalError, UnavailableError):
        return False
    return True


def _require_encoding(connection: psycopg.Connection[Any]) -> None:
    row: Any = connection.execute(_SELECT_ENCODING).fetchone()
    if row[0] != ENCODING:
        raise EncodingError(
            f"the database's encoding is {row[0]}, and only {ENCODING} stores every name: make "
            f"another one with CREATE DATABASE ... ENCODING '{ENCODING}' TEMPLATE template0"
        )


def _preparing_connection(database_url: str) -> psycopg.Connection[Any]:
    connection = _connect(database_url, prepared_statements=True)
    connection.autocommit = True
    connection.prepare_threshold = 0
    return connection


def _require_prepared_statements(database_url: str) -> None:
    with (
        closing(_preparing_connection(database_url)) as one,
        closing(_preparing_connection(database_url)) as other,
        answered_within(ANSWER_TIMEOUT, one),
        answered_within(ANSWER_TIMEOUT, other),
    ):
        if not _keep_statements(one, other):
            raise PoolerError("loses prepared statements")


def _keep_statements(one: psycopg.Connection[Any], other: psycopg.Connection[Any]) -> bool:
    """Whether each of two connections keeps its own prepared statement."""
    try:
        for query in _TURNS:
            connection = one if query == _ONE else other
            row = connection.execute(query, prepare=True).fetchone()
            if row != (int(query.removeprefix("SELECT ")),):
                return False
    except (psycopg.errors.InvalidSqlStatementName, psycopg.errors.DuplicatePreparedStatement):
        return False
    return True
