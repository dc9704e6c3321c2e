"""Translates errors of psycopg into application errors."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from application.errors import ConflictError, UnavailableError


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raises ConflictError or UnavailableError instead of psycopg's errors.

    Programming errors (bad SQL, wrong types) aren't translated, because they are bugs.
    """
    try:
        yield
    except psycopg.errors.UniqueViolation as error:
        raise ConflictError(error.diag.constraint_name) from error
    except (
        psycopg.OperationalError,
        # The server became a standby a moment ago.
        psycopg.errors.ReadOnlySqlTransaction,
        PoolTimeout,
        PoolClosed,
        TooManyRequests,
    ) as error:
        raise UnavailableError("postgres") from error
