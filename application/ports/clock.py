"""Port: what time it is."""

from abc import abstractmethod
from datetime import datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """The one source of time."""

    @abstractmethod
    def now(self) -> datetime:
        """The current instant, aware, in UTC. A clock that is put right may step back."""

    @abstractmethod
    async def sleep(self, duration: timedelta) -> None:
        """Let others go on until ``duration`` has passed; a negative one is none."""
