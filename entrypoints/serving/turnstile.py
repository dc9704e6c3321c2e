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
from typing import Final, Protocol, final

from entrypoints.crowds import CrowdLimits

#: How long nobody begins, as a multiple of the processor time that the event loop used in the turns
#: in which somebody began.
_PAUSE_TURNS: Final = 2
_LONGEST_PAUSE_SECONDS: Final = 0.02
#: Refusing takes time, too.
_TURNED_AWAY_AT_ONCE: Final = 2


class Visitor(Protocol):
    """Who has sent a request."""

    def enter(self) -> None:
        """Begin the request. ``left`` must be called when it has ended."""

    def turn_away(self) -> None:
        """Refuse the request."""


@final
class Turnstile:
    """Lets visitors in, in the order in which they come.

    Args:
        crowded: The paths that crowds come to. Requests for others never wait.
        limits: How many may be in progress, and waiting.
    """

    def __init__(self, crowded: Sequence[str] = (), limits: CrowdLimits | None = None) -> None:
        self._crowded = tuple(f"GET {path}".encode() for path in crowded)
        self._limits = limits or CrowdLimits()
        # Dicts, because they keep the order, and anybody may leave.
        self._line: dict[Visitor, float] = {}
        self._unwanted: dict[Visitor, None] = {}
        self._in_progress = 0
        self._is_paused = False
        # A request must not begin with the context of the one whose end lets it in.
        self._context = copy_context()
        self._patience: asyncio.TimerHandle | None = None
        self._changed = asyncio.Event()

    def concerns(self, data: bytes) -> bool:
        """Whether a request that begins with ``data`` is one of those that may have to wait."""
        return data.startswith(self._crowded)

    def arrive(self, visitor: Visitor) -> None:
        """Let the visitor in, now or when it's their turn, or turn them away."""
        if self._is_open and not self._line:
            self._let_in(visitor)
        elif len(self._line) >= self._limits.waiting:
            self._refuse(visitor)
        else:
            loop, patience = asyncio.get_running_loop(), self._limits.patience.total_seconds()
            self._line[visitor] = loop.time() + patience
            if self._patience is None:
                self._patience = loop.call_later(patience, self._refuse_the_late)

    def give_up(self, visitor: Visitor) -> None:
        """The visitor no longer waits."""
        self._line.pop(visitor, None)
        self._unwanted.pop(visitor, None)
        self._changed.set()

    def left(self) -> None:
        """A request that was let in has ended."""
        self._in_progress -= 1
        self._let_next_in()

    async def nobody_waits(self) -> None:
        """Return once nobody waits. New visitors count as well."""
        while self._line or self._unwanted:
            self._changed.clear()
            await self._changed.wait()

    @property
    def _is_open(self) -> bool:
        return not self._is_paused and self._in_progress < self._limits.in_progress

    def _let_next_in(self) -> None:
        while self._line and self._is_open:
            visitor = next(iter(self._line))
            self.give_up(visitor)
            self._let_in(visitor)

    def _let_in(self, visitor: Visitor) -> None:
        self._in_progress += 1
        self._is_paused = True
        loop, used_before = asyncio.get_running_loop(), time.thread_time()
        self._context.copy().run(visitor.enter)
        # The work begins in the next turn of the loop, and that turn must be over.
        loop.call_soon(self._pause, used_before)

    def _pause(self, used_before: float) -> None:
        if not self._line:
            self._is_paused = False
            return
        seconds = min((time.thread_time() - used_before) * _PAUSE_TURNS, _LONGEST_PAUSE_SECONDS)
        asyncio.get_running_loop().call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        self._is_paused = False
        self._let_next_in()

    def _refuse_the_late(self) -> None:
        self._patience = None
        loop = asyncio.get_running_loop()
        now = loop.time()
        for visitor in [each for each, until in self._line.items() if until <= now]:
            del self._line[visitor]
            self._refuse(visitor)
        if self._line:
            self._patience = loop.call_at(next(iter(self._line.values())), self._refuse_the_late)

    def _refuse(self, visitor: Visitor) -> None:
        if not self._unwanted:
            asyncio.get_running_loop().call_soon(self._turn_some_away)
        self._unwanted[visitor] = None

    def _turn_some_away(self) -> None:
        for visitor in list(self._unwanted)[:_TURNED_AWAY_AT_ONCE]:
            self.give_up(visitor)
            self._context.copy().run(visitor.turn_away)
        if self._unwanted:
            asyncio.get_running_loop().call_soon(self._turn_some_away)
