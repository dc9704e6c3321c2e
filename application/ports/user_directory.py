"""Port: who a user is, for showing it."""

from abc import abstractmethod
from typing import Protocol

from domain.identifiers import UserId
from domain.user import User


class UserDirectory(Protocol):
    """Users as last committed; one read, no transaction."""

    @abstractmethod
    async def find(self, user_id: UserId) -> User | None:
        """The user, or None.

        Raises:
            UnavailableError: The store did not answer.
        """
