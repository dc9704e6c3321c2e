"""Lets sign-ins begin one after another, so that validations get their turns between them.

One event loop does the work of all requests. If thousands of people sign in at the same moment and
each request began at once, a validation would wait for all of them. So a sign-in begins only when
the event loop has had time for others since the last one began. The busier the loop, the longer
that is. Without a crowd, nobody waits.

A request waits before anything of it is parsed. So it takes little memory, and no time.
"""

import asyncio
import time
from collections.abc import Sequence
from contextvars import copy_context
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol, final

#: How long nobody begins, as a multiple of the processor time that the event loop used from letting
#: somebody in until their work had begun.
_PAUSE_TIMES: Final = 2
_LONGEST_PAUSE_SECONDS: Final = 0.02
#: Refusing takes time, too.
_TURNED_AWAY_AT_ONCE: Final = 2


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


class Arrival(Protocol):
    """A request that has arrived."""

    def enter(self) -> None:
        """Begin. ``left`` must be called at the end."""

    def turn_away(self) -> None:
        """Be refused."""


@final
class Turnstile:
    """Lets requests in, in the order in which they come.

    Args:
        crowded: The paths that crowds come to. Requests for others never wait.
        limits: How many may be in progress, and waiting.
    """

    def __init__(self, crowded: Sequence[str] = (), limits: CrowdLimits | None = None) -> None:
        self._crowded = tuple(f"GET {path}".encode() for path in crowded)
        self._limits = limits or CrowdLimits()
        # Dicts, because they keep the order, and anybody may leave.
        self._line: dict[Arrival, float] = {}
        self._unwanted: dict[Arrival, None] = {}
        self._in_progress = 0
        self._is_paused = False
        # A request must not begin with the context of the one whose end lets it in.
        self._context = copy_context()
        self._patience: asyncio.TimerHandle | None = None
        self._changed = asyncio.Event()

    def concerns(self, data: bytes) -> bool:
        """Whether a request that begins with ``data`` is one of those that may have to wait."""
        return data.startswith(self._crowded)

    def arrive(self, arrival: Arrival) -> None:
        """Let a request in, now or when it's its turn, or turn it away."""
        if self._is_open and not self._line:
            self._let_in(arrival)
        elif len(self._line) >= self._limits.waiting:
            self._refuse(arrival)
        else:
            loop, patience = asyncio.get_running_loop(), self._limits.patience.total_seconds()
            self._line[arrival] = loop.time() + patience
            if self._patience is None:
                self._patience = loop.call_later(patience, self._refuse_the_late)

    def give_up(self, arrival: Arrival) -> None:
        """The request no longer waits."""
        self._line.pop(arrival, None)
        self._unwanted.pop(arrival, None)
        self._changed.set()

    def left(self) -> None:
        """A request that was let in has ended."""
        self._in_progress -= 1
        self._let_next_in()

    async def nobody_waits(self) -> None:
        """Return once nobody waits. New arrivals count as well."""
        while self._line or self._unwanted:
            self._changed.clear()
            await self._changed.wait()

    @property
    def _is_open(self) -> bool:
        return not self._is_paused and self._in_progress < self._limits.in_progress

    def _let_next_in(self) -> None:
        while self._line and self._is_open:
            arrival = next(iter(self._line))
            self.give_up(arrival)
            self._let_in(arrival)

    def _let_in(self, arrival: Arrival) -> None:
        self._in_progress += 1
        self._is_paused = True
        loop, used_before = asyncio.get_running_loop(), time.thread_time()
        self._context.copy().run(arrival.enter)
        # In the next turn of the loop, right after its work has begun.
        loop.call_soon(self._pause, used_before)

    def _pause(self, used_before: float) -> None:
        if not self._line:
            self._is_paused = False
            return
        seconds = min((time.thread_time() - used_before) * _PAUSE_TIMES, _LONGEST_PAUSE_SECONDS)
        asyncio.get_running_loop().call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        self._is_paused = False
        self._let_next_in()

    def _refuse_the_late(self) -> None:
        self._patience = None
        loop = asyncio.get_running_loop()
        now = loop.time()
        for arrival in [each for each, until in self._line.items() if until <= now]:
            del self._line[arrival]
            self._refuse(arrival)
        if self._line:
            self._patience = loop.call_at(next(iter(self._line.values())), self._refuse_the_late)

    def _refuse(self, arrival: Arrival) -> None:
        if not self._unwanted:
            asyncio.get_running_loop().call_soon(self._turn_some_away)
        self._unwanted[arrival] = None

    def _turn_some_away(self) -> None:
        for arrival in list(self._unwanted)[:_TURNED_AWAY_AT_ONCE]:
            self.give_up(arrival)
            self._context.copy().run(arrival.turn_away)
        if self._unwanted:
            asyncio.get_running_loop().call_soon(self._turn_some_away)
