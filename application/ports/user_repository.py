"""Port: users, inside one unit of work."""

from abc import abstractmethod
from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from domain.identifiers import ICN, UserId
from domain.user import LinkedUser, User
from domain.va_identity import VAIdentity


class UserRepository(Protocol):
    """Users as one unit of work sees them, its own writes included."""

    @abstractmethod
    async def link(
        self, identity: VAIdentity, icn: ICN, *, new_id: UserId, now: datetime
    ) -> LinkedUser:
        """Finds the user with ``icn`` or creates one with ``new_id``, locks it, and updates it.

        Attributes that the identity leaves out keep their stored values. (issuer, sub) becomes
        an alias of the user unless it is already an alias. Before it commits, the caller checks
        whose alias it is and whether the account is active.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def link_alias(self, identity: VAIdentity, *, now: datetime) -> LinkedUser | None:
        """Like ``link``, but finds the user by (issuer, sub). Returns None if there is none.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def find(self, user_id: UserId) -> User | None:
        """Returns the user, or None.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def lock(self, user_id: UserId) -> User | None:
        """Locks the user until the unit ends and returns it, or None. Other units wait.

        Raises:
            UnavailableError: The store did not answer, or the lock could not be acquired in time.
        """

    @abstractmethod
    async def find_by_icn(self, icn: ICN) -> UserId | None:
        """Returns the user with the ICN, or None.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def lock_all(self, user_ids: Collection[UserId]) -> list[User]:
        """Locks several users like ``lock``, and also for a change of their ICNs.

        Returns those that exist, in the order of their ids. They are locked in that order, so
        that two units that lock several users don't wait for each other.

        Raises:
            UnavailableError: The store did not answer, or a lock could not be acquired in time.
        """

    @abstractmethod
    async def change_icn(self, user_id: UserId, icn: ICN | None, *, now: datetime) -> None:
        """Gives a user that the unit has locked another ICN, or none.

        Raises:
            ConflictError: Another user has the ICN.
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def merge(self, user_id: UserId, *, into: UserId, now: datetime) -> None:
        """Moves the aliases of a user to another one, and records where the user went.

        The unit has locked both. Users that were merged into the first one before now count as
        merged into the other one.

        Raises:
            UnavailableError: The store did not answer; raised here or at commit.
        """

    @abstractmethod
    async def forget_aliases(self, user_id: UserId) -> None:
        """Removes all aliases of the user.

        Raises:
            UnavailableError: The store did not answer; raised here or at commit.
        """

    @abstractmethod
    async def set_active(self, user_id: UserId, *, is_active: bool, now: datetime) -> None:
        """Enables or disables the user.

        Raises:
            UnavailableError: The store did not answer; raised here or at commit.
        """
