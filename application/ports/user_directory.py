"""Port: the profiles that users see."""

from abc import abstractmethod
from typing import Protocol

from domain.identifiers import UserId
from domain.user import Profile


class UserDirectory(Protocol):
    """Committed users. Each call is one read without a transaction."""

    @abstractmethod
    async def find(self, user_id: UserId) -> Profile | None:
        """Returns the profile of the user, or None.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def merged_into(self, user_id: UserId) -> frozenset[UserId]:
        """Returns the users that were merged into this one.

        Raises:
            UnavailableError: The store did not answer.
        """
