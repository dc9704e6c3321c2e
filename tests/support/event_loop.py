"""The event loop of the tests and of their worker processes: the one the service is deployed on.

In the tests its clock can be moved, so that a deadline passes when the test says so::

    asking = asyncio.create_task(ask())
    await until(lambda: server.requests == 1)
    pass_time(timedelta(seconds=10))
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context
from datetime import timedelta
from typing import Any, Final, TypeVar, TypeVarTuple, Unpack, final

import uvloop

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


@final
class _Timer(asyncio.TimerHandle):
    """A timer that can come due early. ``armed`` is uvloop's own timer for it."""

    def __init__(
        self,
        when: float,
        callback: Callable[..., object],
        arguments: tuple[Any, ...],
        loop: "MovableLoop",
        context: Context | None,
    ) -> None:
        super().__init__(when, callback, arguments, loop, context)
        self.armed: asyncio.Handle | None = None


@final
class MovableLoop(uvloop.Loop):
    """uvloop with a clock that can be moved forward.

    Only what is timed by the loop notices: ``asyncio.timeout``, ``anyio.fail_after``, ``sleep``,
    ``call_later``. The clocks of the machine and of the product stay.
    """

    def __init__(self) -> None:
        super().__init__()
        self._ahead = 0.0
        # By identity: two handles with the same time and callback are equal.
        self._timers: dict[int, _Timer] = {}

    def time(self) -> float:
        return super().time() + self._ahead

    def call_later(
        self,
        delay: float,
        callback: Callable[[Unpack[_Ts]], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[_Ts]], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        timer = _Timer(when, callback, args, self, context)
        self._timers[id(timer)] = timer
        self._arm(timer)
        return timer

    def move(self, seconds: float) -> None:
        """Move the clock forward. What comes due runs in the next turn, in the order it is due."""
        self._ahead += seconds
        for timer in sorted(self._timers.values(), key=asyncio.TimerHandle.when):
            assert timer.armed is not None
            timer.armed.cancel()
            self._arm(timer)

    def _arm(self, timer: _Timer) -> None:
        left = timer.when() - self.time()
        if left > 0:
            timer.armed = super().call_later(left, self._run_timer, timer)
        else:
            timer.armed = self.call_soon(self._run_timer, timer)

    def _run_timer(self, timer: _Timer) -> None:
        del self._timers[id(timer)]
        timer._run()

    def _timer_handle_cancelled(self, timer: asyncio.TimerHandle) -> None:
        """Called by asyncio's handle when it is cancelled."""
        ours = self._timers.pop(id(timer), None)
        if ours is not None and ours.armed is not None:
            ours.armed.cancel()


#: For AnyIO's pytest plugin.
BACKEND: Final[tuple[str, dict[str, Any]]] = ("asyncio", {"loop_factory": MovableLoop})


def pass_time(time: timedelta) -> None:
    """Move the clock of the running loop forward."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, MovableLoop)
    loop.move(time.total_seconds())


def new_runner() -> asyncio.Runner:
    """Runs one coroutine after another on the same loop."""
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Run ``main`` to its end, as asyncio.run does."""
    with new_runner() as own:
        return own.run(main)
