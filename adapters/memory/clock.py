"""A clock that only moves when it is told to."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import final

from application.ports.clock import Clock


@final
class MemoryClock(Clock):
    """Returns the same instant until the time is set, advanced or slept.

    Args:
        now: The initial time. Aware, in any time zone.
    """

    def __init__(self, now: datetime) -> None:
        self._now = now.astimezone(UTC)

    def now(self) -> datetime:
        return self._now

    async def sleep(self, duration: timedelta) -> None:
        self.advance(max(timedelta(), duration))
        await asyncio.sleep(0)

    def advance(self, by: timedelta) -> None:
        """Moves the clock by a duration."""
        self.set(self._now + by)

    def set(self, now: datetime) -> None:
        """Sets the clock to an instant, which can be earlier or later."""
        self._now = now.astimezone(UTC)
