"""Port: when the store could not be used."""

from abc import abstractmethod
from typing import Protocol

from domain.outage import Outage


class Outages(Protocol):
    """What the service noted of outages once they were over."""

    @abstractmethod
    async def newest(self) -> Outage | None:
        """The outage that ended last; None where none is remembered.

        Raises:
            UnavailableError: The store did not answer.
        """
