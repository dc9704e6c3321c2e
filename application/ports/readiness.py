"""Port: whether the store is fit to serve."""

from abc import abstractmethod
from typing import Protocol


class Readiness(Protocol):
    """Asks the store once, now."""

    @abstractmethod
    async def check(self) -> None:
        """Return when the store answers and its schema is the one this service needs.

        Raises:
            UnavailableError: It does not answer, or its schema is behind or ahead.
        """
