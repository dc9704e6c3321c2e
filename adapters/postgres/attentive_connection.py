"""Connections that go on listening to their socket between two statements."""

import asyncio
from typing import Any, Final, TypeVar, final

import psycopg
from psycopg import AsyncConnection
from psycopg.abc import PQGen
from psycopg.errors import QueryCanceled
from psycopg.pq import TransactionStatus
from psycopg.waiting import Ready, Wait

_T = TypeVar("_T")

# How long a statement that nobody waits for any more may take to end.
_TIME_TO_LEAVE_SECONDS: Final = 5.0
_NO_SOCKET: Final = -1


@final
class AttentiveConnection(AsyncConnection[Any]):
    """Waits for an answer as psycopg does, at a fifth of the system calls.

    psycopg tells the event loop about the socket before each wait and takes it back afterwards,
    which for a statement of one row is most of what waiting costs. Here the loop keeps watching
    until something comes that nobody has asked for, such as the end of the connection.
    """

    _loop: asyncio.AbstractEventLoop | None = None
    _watched: int = _NO_SOCKET
    _heard: asyncio.Future[None] | None = None

    async def wait(
        self,
        gen: PQGen[_T],
        interval: float = 0.1,
        timeout: float | None = None,  # noqa: ASYNC109 - psycopg's own parameter
    ) -> _T:
        """Carry out ``gen``; whatever is not a plain wait for an answer is left to psycopg."""
        if timeout is not None:
            self._look_away()
            return await super().wait(gen, interval, timeout)
        # Of a connection that is closed this raises, before anything has begun.
        socket = self.pgconn.socket
        try:
            wanted = next(gen)
            while wanted == Wait.R:
                await self._hear(socket)
                wanted = gen.send(Ready.R)
        except StopIteration as end:
            answer: _T = end.value
            return answer
        except asyncio.CancelledError:
            await self._give_up(gen)
            raise
        except BaseException:
            # What has gone wrong may have closed the socket, and its number is soon another's.
            self._look_away()
            raise
        self._look_away()
        return await super().wait(_resumed(gen, wanted), interval)

    async def close(self) -> None:
        """Close it; the loop is told first."""
        self._look_away()
        await super().close()

    async def _hear(self, socket: int) -> None:
        """Return when there is something to read."""
        # Asked for once: on Python 3.11 each question costs a system call.
        loop = self._loop = self._loop or asyncio.get_running_loop()
        self._heard = loop.create_future()
        if self._watched == _NO_SOCKET:
            loop.add_reader(socket, self._on_readable)
            self._watched = socket
        try:
            await self._heard
        finally:
            self._heard = None

    def _on_readable(self) -> None:
        if self._heard is None:
            # Nobody reads it now, and the loop would say so again and again.
            self._look_away()
        elif not self._heard.done():
            self._heard.set_result(None)

    def _look_away(self) -> None:
        if self._loop is not None and self._watched != _NO_SOCKET:
            self._loop.remove_reader(self._watched)
            self._watched = _NO_SOCKET

    async def _give_up(self, gen: PQGen[_T]) -> None:
        """Leave the connection in good order, or else closed."""
        self._look_away()
        if self.pgconn.transaction_status != TransactionStatus.ACTIVE:
            return
        is_in_order = False
        try:
            await self.cancel_safe(timeout=_TIME_TO_LEAVE_SECONDS)
            await super().wait(_resumed(gen, Wait.R), timeout=_TIME_TO_LEAVE_SECONDS)
            is_in_order = True
        except QueryCanceled:
            is_in_order = True
        except psycopg.Error:
            # The caller hears that it was cancelled, and of nothing else.
            pass
        finally:
            if not is_in_order:
                self.pgconn.finish()


def _resumed(gen: PQGen[_T], wanted: Wait) -> PQGen[_T]:
    """A generator that has begun, from what it waits for at the moment."""
    while True:
        ready = yield wanted
        try:
            wanted = gen.send(ready)
        except StopIteration as end:
            answer: _T = end.value
            return answer
