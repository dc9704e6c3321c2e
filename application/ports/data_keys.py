"""Port: wrapped data keys at rest, inside one unit of work."""

from abc import abstractmethod
from typing import Protocol

from domain.data_key import WrappedDataKey
from domain.identifiers import UserId


class DataKeys(Protocol):
    """At most one data key a user."""

    @abstractmethod
    async def put(self, wrapped: WrappedDataKey) -> None:
        """Store the key of a user that the unit holds and that has none.

        Raises:
            UnavailableError: The store did not answer; raised here or at commit.
        """

    @abstractmethod
    async def find(self, user_id: UserId) -> WrappedDataKey | None:
        """The user's key, or None.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def list_not_under(
        self, master_key_id: str, *, after: UserId | None, limit: int
    ) -> list[WrappedDataKey]:
        """Up to ``limit`` keys under other master keys, by user id, those after ``after``.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def count_not_under(self, master_key_id: str) -> int:
        """How many keys are under other master keys.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def replace(self, old: WrappedDataKey, new: WrappedDataKey) -> bool:
        """Store ``new`` where ``old`` still stands; False when it does not.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def destroy(self, user_id: UserId) -> None:
        """Remove the user's key: what it sealed can be opened by nobody.

        Raises:
            UnavailableError: The store did not answer; raised here or at commit.
        """
