"""Translates errors of psycopg into one line for the operator who runs a command."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from adapters.postgres.command_connection import DatabaseFaultError


@contextmanager
def described_errors() -> Iterator[None]:
    """Raises DatabaseFaultError instead of psycopg's errors.

    PostgreSQL's messages name hosts and roles, but never a password.
    """
    try:
        yield
    except psycopg.Error as error:
        raise DatabaseFaultError(_description(error)) from error


def _description(error: psycopg.Error) -> str:
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        return "the database is read-only, by default_transaction_read_only or as a standby"
    if isinstance(error, psycopg.DataError):
        # The message of such an error may repeat the value.
        return f"the database has or refuses an unusable value ({type(error).__name__})"
    message = " ".join((error.diag.message_primary or str(error)).split())
    is_unreachable = isinstance(error, psycopg.OperationalError) and error.sqlstate is None
    refused = message.removeprefix("connection is bad: ")
    if error.sqlstate is None and refused.startswith(("invalid ", "bad value ")):
        # libpq or psycopg refuses a parameter of the URL, such as its sslmode, before it connects.
        return f"the URL cannot be used: {refused}"
    return f"the database {'does not answer' if is_unreachable else 'refuses'}: {message}"
