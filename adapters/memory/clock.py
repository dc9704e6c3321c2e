"""A clock that stands until it is told."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import final

from application.ports.clock import Clock


@final
class MemoryClock(Clock):
    """Shows the same instant until it is set to another. A sleeper moves it forward.

    Args:
        now: What it shows first: aware, in any zone.
    """

    def __init__(self, now: datetime) -> None:
        self._now = now.astimezone(UTC)

    def now(self) -> datetime:
        return self._now

    async def sleep(self, duration: timedelta) -> None:
        self.advance(max(timedelta(), duration))
        await asyncio.sleep(0)

    def advance(self, by: timedelta) -> None:
        """Let time pass."""
        self.set(self._now + by)

    def set(self, now: datetime) -> None:
        """Move to an instant, earlier or later."""
        self._now = now.astimezone(UTC)
