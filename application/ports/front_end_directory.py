"""Port: the registered front ends, outside of a unit of work."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from domain.front_end import FrontEnd, FrontEndId


class FrontEndDirectory(Protocol):
    """Committed front ends. Each call is one read without a transaction."""

    @abstractmethod
    async def find(self, front_end_id: FrontEndId) -> FrontEnd | None:
        """Returns the front end, or None.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def list_all(self) -> Sequence[FrontEnd]:
        """Returns all front ends, including disabled ones, oldest first.

        Raises:
            UnavailableError: The store did not answer.
        """
