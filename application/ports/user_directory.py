"""Port: who a user is, for showing it."""

from abc import abstractmethod
from typing import Protocol

from domain.identifiers import UserId
from domain.user import Profile


class UserDirectory(Protocol):
    """Users as last committed; one read, no transaction."""

    @abstractmethod
    async def find(self, user_id: UserId) -> Profile | None:
        """The user and whether a sign-in with VA is needed, or None.

        Raises:
            UnavailableError: The store did not answer.
        """
