"""How long database work may take.

A server-side time-out is no deadline: the server may be frozen, gone, or cut off. So the time is
kept here, and when it is up the socket is shut down. Whatever waits on it then ends with an error
at once, and the pool drops the connection.
"""

import asyncio
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import timedelta
from typing import Any, Final, final

import psycopg
from psycopg import AsyncConnection, BaseConnection, Connection

from application.errors import UnavailableError


@final
class Deadline:
    """A span of time that database work uses up. Time spent on anything else does not count."""

    def __init__(self, span: timedelta) -> None:
        self._left = span.total_seconds()
        self._running = 0
        self._began = 0.0

    @property
    def seconds_left(self) -> float:
        """What is left; zero or less means that the time is up."""
        return self._left - (time.monotonic() - self._began if self._running else 0.0)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count the time spent inside; once where several of these overlap."""
        if not self._running:
            self._began = time.monotonic()
        self._running += 1
        try:
            yield
        finally:
            if self._running == 1:
                self._left = self.seconds_left
            self._running -= 1


_shared: Final[ContextVar[Deadline | None]] = ContextVar("database_deadline", default=None)


@contextmanager
def shared_deadline(span: timedelta) -> Iterator[None]:
    """Let all database work inside, such as that of one request, share one deadline."""
    token = _shared.set(Deadline(span))
    try:
        yield
    finally:
        _shared.reset(token)


def deadline_or(span: timedelta) -> Deadline:
    """The deadline of the request that this is part of; outside of one, ``span`` from now."""
    return _shared.get() or Deadline(span)


@contextmanager
def severed_after(seconds: float, connection: AsyncConnection[Any]) -> Iterator[None]:
    """Shut the connection down unless the block ends within ``seconds``.

    Inside, psycopg then raises OperationalError. Cancelling the task instead would not do:
    psycopg asks the server to cancel the statement first, and waits for a server that may be
    frozen. It could also turn a COMMIT that waits for a standby into one that did not wait.
    """
    timer = asyncio.get_running_loop().call_later(max(0.0, seconds), sever, connection)
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def answered_within(span: timedelta, connection: Connection[Any]) -> Iterator[None]:
    """Shut down a connection that no event loop drives, unless the block ends within ``span``.

    Raises:
        UnavailableError: The time is up.
    """
    is_up = threading.Event()

    def end() -> None:
        is_up.set()
        sever(connection)

    timer = threading.Timer(span.total_seconds(), end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except psycopg.OperationalError as error:
        if is_up.is_set():
            raise UnavailableError("database_deadline") from error
        raise
    finally:
        timer.cancel()
        timer.join()


def sever(connection: BaseConnection[Any]) -> None:
    """Shut the connection's socket down.

    The descriptor stays open, so that its number is not another's while the event loop still
    watches it.
    """
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as end:
        end.shutdown(socket.SHUT_RDWR)
