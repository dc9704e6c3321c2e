"""Port: stored data keys, inside one unit of work."""

from abc import abstractmethod
from typing import Protocol

from domain.data_key import WrappedDataKey
from domain.identifiers import UserId


class DataKeys(Protocol):
    """The wrapped data keys, at most one per user."""

    @abstractmethod
    async def put(self, wrapped: WrappedDataKey) -> None:
        """Stores the key of a user that the unit has locked and that has no key.

        Raises:
            UnavailableError: The store did not answer; raised here or at commit.
        """

    @abstractmethod
    async def find(self, user_id: UserId) -> WrappedDataKey | None:
        """Returns the user's key, or None.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def list_not_under(
        self, master_key_id: str, *, after: UserId | None, limit: int
    ) -> list[WrappedDataKey]:
        """Returns up to ``limit`` keys after ``after`` under other master keys, by user id.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def count_not_under(self, master_key_id: str) -> int:
        """Returns the number of keys under other master keys.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def replace(self, old: WrappedDataKey, new: WrappedDataKey) -> bool:
        """Replaces ``old`` with ``new``. Returns False if ``old`` is no longer stored.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def destroy(self, user_id: UserId) -> None:
        """Shreds the user's key, so that what it sealed can never be opened.

        Raises:
            UnavailableError: The store did not answer; raised here or at commit.
        """
