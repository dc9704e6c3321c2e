"""Translates errors of psycopg into application errors."""

from contextlib import AbstractContextManager
from types import TracebackType
from typing import Final, final

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from application.errors import (
    ApplicationError,
    AttemptSupersededError,
    ConflictError,
    UnavailableError,
)

# The constraint that lets an attempt that was superseded open nothing.
_SUPERSEDED: Final = "vetassist_login_attempts_superseded_opens_nothing"


@final
class _Translation:
    """Holds nothing, so that one is enough for all."""

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None and (translated := _translation_of(error)) is not None:
            raise translated from error


_TRANSLATION: Final = _Translation()


def translated_errors() -> AbstractContextManager[None]:
    """Raises ConflictError or UnavailableError instead of psycopg's errors.

    Programming errors (bad SQL, wrong types) aren't translated, because they are bugs.
    """
    return _TRANSLATION


def _translation_of(error: BaseException) -> ApplicationError | None:
    match error:
        case psycopg.errors.UniqueViolation():
            return ConflictError(error.diag.constraint_name)
        case psycopg.errors.CheckViolation() if error.diag.constraint_name == _SUPERSEDED:
            return AttemptSupersededError(_SUPERSEDED)
        case (
            psycopg.OperationalError()
            # The server became a standby a moment ago.
            | psycopg.errors.ReadOnlySqlTransaction()
            | PoolTimeout()
            | PoolClosed()
            | TooManyRequests()
        ):
            return UnavailableError("postgres")
        case _:
            return None
