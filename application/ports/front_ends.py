"""Port: the registered front ends, in a unit of work."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from domain.front_end import FrontEnd, FrontEndId


class FrontEnds(Protocol):
    """Registered front ends. The front end of the settings isn't among them."""

    @abstractmethod
    async def add(self, front_end: FrontEnd) -> None:
        """Stores a new front end.

        Raises:
            ConflictError: Another enabled one has its origin. ``commit`` can raise it, too.
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def find(self, front_end_id: FrontEndId) -> FrontEnd | None:
        """Returns the front end, or None.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def hold(self, front_end_id: FrontEndId) -> FrontEnd | None:
        """Returns the front end, which nobody else can change until the unit of work ends.

        Several units of work can hold the same one.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def lock(self, front_end_id: FrontEndId) -> FrontEnd | None:
        """Returns the front end, which nobody else can hold, lock or change, in order to change it.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def save(self, front_end: FrontEnd) -> None:
        """Stores a changed front end.

        Raises:
            ConflictError: Another enabled one has its origin. ``commit`` can raise it, too.
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def list_all(self) -> Sequence[FrontEnd]:
        """Returns all front ends, including disabled ones, oldest first.

        Raises:
            UnavailableError: The store did not answer.
        """
