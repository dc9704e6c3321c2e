"""Translates errors of psycopg into application errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from application.errors import AttemptSupersededError, ConflictError, UnavailableError

# The constraint that lets an attempt that was superseded open nothing.
_SUPERSEDED: Final = "vetassist_login_attempts_superseded_opens_nothing"


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raises ConflictError or UnavailableError instead of psycopg's errors.

    Programming errors (bad SQL, wrong types) aren't translated, because they are bugs.
    """
    try:
        yield
    except psycopg.errors.UniqueViolation as error:
        raise ConflictError(error.diag.constraint_name) from error
    except psycopg.errors.CheckViolation as error:
        if error.diag.constraint_name != _SUPERSEDED:
            raise
        raise AttemptSupersededError(_SUPERSEDED) from error
    except (
        psycopg.OperationalError,
        # The server became a standby a moment ago.
        psycopg.errors.ReadOnlySqlTransaction,
        PoolTimeout,
        PoolClosed,
        TooManyRequests,
    ) as error:
        raise UnavailableError("postgres") from error
