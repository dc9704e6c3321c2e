"""Port: what time it is."""

from abc import abstractmethod
from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The one source of time."""

    @abstractmethod
    def now(self) -> datetime:
        """The current instant, aware, in UTC; never earlier than one given before."""
