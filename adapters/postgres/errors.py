"""What psycopg raises, in the application's words."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from application.errors import ConflictError, UnavailableError


@contextmanager
def translated_errors() -> Iterator[None]:
    """Re-raise what psycopg raises inside as an ApplicationError.

    A programming error (bad SQL, wrong type) is left as it is: it is a bug.
    """
    try:
        yield
    except psycopg.errors.UniqueViolation as error:
        raise ConflictError(error.diag.constraint_name) from error
    except (
        psycopg.OperationalError,
        # A standby that was the primary until a moment ago.
        psycopg.errors.ReadOnlySqlTransaction,
        PoolTimeout,
        PoolClosed,
        TooManyRequests,
    ) as error:
        raise UnavailableError("postgres") from error
