"""Port: the time."""

from abc import abstractmethod
from datetime import datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """The only source of time."""

    @abstractmethod
    def now(self) -> datetime:
        """Returns the current instant (aware, UTC). It can go back when the clock is corrected."""

    @abstractmethod
    async def sleep(self, duration: timedelta) -> None:
        """Sleeps for ``duration`` while other tasks run. A negative duration counts as zero."""
