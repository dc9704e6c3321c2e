"""Lets sign-ins begin one after another, so that validations get their turns between them.

One event loop does the work of all requests. If thousands of people sign in at the same moment and
each request began at once, a validation would wait for all of them. So a sign-in begins only when
the event loop has had time for others since the last one began. The busier the loop, the longer
that is. Without a crowd, nobody waits.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, final

from application.errors import UnavailableError

#: How long nobody begins, as a multiple of the processor time that the event loop used in the turn
#: in which somebody began.
_PAUSE_TURNS: Final = 3
_LONGEST_PAUSE_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class CrowdLimits:
    """The limits of a crowd.

    Attributes:
        in_progress: How many requests may be in progress. Most of them wait for VA.
        waiting: How many more may wait for their turn.
        patience: How long each of them waits before it is refused.
    """

    in_progress: int = 200
    waiting: int = 2_000
    patience: timedelta = timedelta(seconds=10)


@final
class SignInPace:
    """Admits requests in the order in which they come."""

    def __init__(self, limits: CrowdLimits | None = None) -> None:
        self._limits = limits or CrowdLimits()
        self._line: deque[asyncio.Future[None]] = deque()
        self._in_progress = 0
        self._is_paused = False

    @asynccontextmanager
    async def begun(self) -> AsyncIterator[None]:
        """Waits for the caller's turn. The caller is in progress until the block ends.

        Raises:
            UnavailableError: Too many are waiting, or the turn didn't come in time.
        """
        if self._is_open and not self._line:
            self._begin()
        else:
            await self._wait()
        try:
            yield
        finally:
            self._in_progress -= 1
            self._admit_next()

    @property
    def _is_open(self) -> bool:
        return not self._is_paused and self._in_progress < self._limits.in_progress

    def _begin(self) -> None:
        self._in_progress += 1
        self._is_paused = True
        # Called in the next turn of the loop.
        asyncio.get_running_loop().call_soon(self._pause, time.thread_time())

    def _pause(self, used_before: float) -> None:
        if not self._line:
            self._is_paused = False
            return
        seconds = min((time.thread_time() - used_before) * _PAUSE_TURNS, _LONGEST_PAUSE_SECONDS)
        asyncio.get_running_loop().call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        self._is_paused = False
        self._admit_next()

    def _admit_next(self) -> None:
        while self._line and self._is_open:
            turn = self._line.popleft()
            if not turn.done():
                self._begin()
                turn.set_result(None)

    async def _wait(self) -> None:
        if len(self._line) >= self._limits.waiting:
            raise UnavailableError("crowded")
        turn = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        try:
            async with asyncio.timeout(self._limits.patience.total_seconds()):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                # Admitted at the very moment of giving up.
                self._in_progress -= 1
                self._admit_next()
            if isinstance(error, TimeoutError):
                raise UnavailableError("crowded") from error
            raise
