"""Time that passes only when a test says so."""

from datetime import datetime

from adapters.memory.clock import MemoryClock as FrozenClock
from tests.support.builders import NOW

__all__ = ["FrozenClock", "frozen_clock"]


def frozen_clock(now: datetime = NOW) -> FrozenClock:
    """A clock of a test's own that shows ``now``."""
    return FrozenClock(now)
