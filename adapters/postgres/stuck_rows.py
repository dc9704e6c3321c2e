"""Keeps one locked row from taking every connection of a pool."""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import final

from psycopg.errors import LockNotAvailable

from application.errors import UnavailableError


@final
class StuckRows:
    """The rows whose lock could not be had in time.

    A row counts as stuck from the first time-out until somebody gets its lock. For a stuck row
    one caller at a time waits, on one connection. The others are refused at once.
    """

    def __init__(self) -> None:
        self._stuck: set[Hashable] = set()
        self._tried: set[Hashable] = set()

    @contextmanager
    def waiting_for(self, row: Hashable) -> Iterator[None]:
        """Wraps a statement that locks the row.

        Raises:
            UnavailableError: The row is stuck, and somebody is waiting for it already.
        """
        if row not in self._stuck:
            with self._noted(row):
                yield
            return
        if row in self._tried:
            raise UnavailableError("row_locked")
        self._tried.add(row)
        try:
            with self._noted(row):
                yield
        finally:
            self._tried.discard(row)

    @contextmanager
    def _noted(self, row: Hashable) -> Iterator[None]:
        try:
            yield
        except UnavailableError as error:
            if isinstance(error.__cause__, LockNotAvailable):
                self._stuck.add(row)
            raise
        self._stuck.discard(row)
