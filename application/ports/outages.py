"""Port: outages of the store."""

from abc import abstractmethod
from typing import Protocol

from domain.outage import Outage


class Outages(Protocol):
    """The outages that the service recorded once they were over."""

    @abstractmethod
    async def newest(self) -> Outage | None:
        """Returns the outage that ended last, or None if none is recorded.

        Raises:
            UnavailableError: The store did not answer.
        """
