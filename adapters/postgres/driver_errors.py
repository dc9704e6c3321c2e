"""Says in one line of our own what an error of psycopg means to the operator of a command.

The words of PostgreSQL and libpq aren't passed on: they may quote a part of the URL, they depend on
the server's language, and they sometimes blame the wrong thing.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg import errors

from adapters.postgres.command_connection import DatabaseFaultError, PrivilegeError
from application.errors import UnavailableError

_WRONG_ROLE: Final = "the database refuses: the role or its password is wrong"
_NO_ACCESS: Final = "the database refuses: the role may not connect from here"
_NO_DATABASE: Final = "the database refuses: there is no database of this name"
_NO_SOCKET: Final = "the database does not answer: there is no such Unix socket"
_NO_CONNECTION: Final = "the database refuses: it has no connection left"
_STARTING: Final = "the database refuses: it is starting or stopping"
_READ_ONLY: Final = "the database is read-only, by default_transaction_read_only or as a standby"
_NO_TLS: Final = "the database refuses: no TLS connection can be made (sslmode, certificates)"
_NO_HOST: Final = "the database does not answer: its host name is unknown"
_NOBODY: Final = (
    "the database does not answer: Connection refused, so nothing listens at its host and port"
)
_TOO_LATE: Final = "the database does not answer in time"
_SOMETHING_ELSE: Final = (
    "the database does not answer: what listens at its host and port isn't PostgreSQL, or closes "
    "the connection"
)
_UNEVEN: Final = "the URL cannot be used: its hosts and its ports differ in number"
_BAD_OPTIONS: Final = "the URL cannot be used: its options set something that the server lacks"
_NO_IDEA: Final = (
    "the database does not answer: it can't be reached, or refuses the connection; psql with the "
    "same URL says more"
)
_REFUSALS: Final[Mapping[type[psycopg.Error], str]] = {
    errors.ReadOnlySqlTransaction: _READ_ONLY,
    errors.InvalidPassword: _WRONG_ROLE,
    errors.InvalidAuthorizationSpecification: _NO_ACCESS,
    errors.InvalidCatalogName: _NO_DATABASE,
    errors.TooManyConnections: _NO_CONNECTION,
    errors.CannotConnectNow: _STARTING,
    errors.AdminShutdown: _STARTING,
    errors.LockNotAvailable: "the database refuses: other work holds a lock",
    errors.QueryCanceled: "the database refuses: the work took too long",
    errors.DiskFull: "the database refuses: its disk is full",
    errors.InsufficientPrivilege: "the database refuses: the role lacks a privilege",
    errors.UndefinedTable: "the database refuses: a table is missing",
    errors.UndefinedColumn: "the database refuses: a column is missing or was changed",
    errors.UndefinedFunction: "the database refuses: a function is missing or was changed",
}
# libpq gives no code for a connection that wasn't made, so its English text has to do. The last
# line is for what it says in another language.
_NOT_CONNECTED: Final = (
    (r"could not match", _UNEVEN),
    (r"unrecognized configuration parameter", _BAD_OPTIONS),
    (r'database ".*" does not exist', _NO_DATABASE),
    (r'authentication failed|no password supplied|role ".*" does not exist', _WRONG_ROLE),
    (r"pg_hba\.conf|not permitted to log in", _NO_ACCESS),
    (r"too many|connection slots", _NO_CONNECTION),
    (r"starting up|shutting down|not accepting connections", _STARTING),
    (r"read-only|hot standby", _READ_ONLY),
    (r"resolve host|host name", _NO_HOST),
    (r"refused", _NOBODY),
    (r"on socket .* failed: No such file", _NO_SOCKET),
    (r"timeout|timed out", _TOO_LATE),
    (r"invalid response|unexpectedly|expected authentication", _SOMETHING_ELSE),
    (r"SSL|certificate", _NO_TLS),
    (r"", _NO_IDEA),
)
#: libpq, psycopg or the server refuses a parameter of the URL, such as its sslmode. Only its name
#: is quoted, because the value may be anything.
_BAD_PARAMETER: Final = re.compile(
    r'bad value for (\w+)|invalid "?(\w+)"? value: |for connection option "(\w+)"'
    r'|invalid value for parameter "(\w+)"'
)
_DATABASE: Final = re.compile(r'database "([\w.-]{1,63})" does not exist')
_OUR_NAMES: Final = re.compile(r"\bvetassist_\w+")


@contextmanager
def described_errors() -> Iterator[None]:
    """Raises DatabaseFaultError instead of psycopg's errors.

    An UnavailableError that has another cause than time and connection becomes one, too.
    """
    try:
        yield
    except errors.InsufficientPrivilege as error:
        raise PrivilegeError(_description(error)) from error
    except psycopg.Error as error:
        raise DatabaseFaultError(_description(error)) from error
    except UnavailableError as error:
        cause = error.__cause__
        if isinstance(cause, psycopg.Error) and cause.sqlstate is not None:
            raise DatabaseFaultError(_description(cause)) from error
        raise


def _description(error: psycopg.Error) -> str:
    for kind, said in _REFUSALS.items():
        if isinstance(error, kind):
            return said + _ours_in(error)
    if isinstance(error, psycopg.DataError):
        return f"the database has or refuses an unusable value ({type(error).__name__})"
    text = str(error)
    if error.sqlstate is None and (bad := _BAD_PARAMETER.search(text)):
        return f"the URL cannot be used: its {bad[bad.lastindex or 0]} has an unusable value"
    if error.sqlstate is not None or not isinstance(error, psycopg.OperationalError):
        return f"the database refuses: {type(error).__name__}, SQLSTATE {error.sqlstate}"
    said = next(said for pattern, said in _NOT_CONNECTED if re.search(pattern, text))
    named = _DATABASE.search(text)
    # It's a part of the URL that is no secret.
    return f"{said}: {named[1]}" if said is _NO_DATABASE and named else said


def _ours_in(error: psycopg.Error) -> str:
    """The names of our own that the server mentions, in parentheses."""
    names = dict.fromkeys(_OUR_NAMES.findall(error.diag.message_primary or ""))
    return f" ({', '.join(names)})" if names else ""
