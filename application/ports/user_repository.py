"""Port: users, inside one unit of work."""

from abc import abstractmethod
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
        """Find the user of ``icn``, or make one as ``new_id``; lock it; bring it up to date.

        What the identity leaves out keeps its stored value. (issuer, sub) is remembered
        as an alias unless it is one already, whoever's: that, and whether the account is
        active, is for the caller to judge before it commits.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def link_alias(self, identity: VAIdentity, *, now: datetime) -> LinkedUser | None:
        """As ``link``, for a user found by (issuer, sub) alone; None when it is no alias.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def find(self, user_id: UserId) -> User | None:
        """The user, or None.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def lock(self, user_id: UserId) -> User | None:
        """Hold the user until the unit ends; other units that lock it wait. None: no such user.

        Raises:
            UnavailableError: The store did not answer, or the lock was not to be had in time.
        """

    @abstractmethod
    async def forget_aliases(self, user_id: UserId) -> None:
        """Let go of every (issuer, sub) that is an alias of the user.

        Raises:
            UnavailableError: The store did not answer; raised here or at commit.
        """

    @abstractmethod
    async def set_active(self, user_id: UserId, *, is_active: bool, now: datetime) -> None:
        """Let the user sign in, or no longer.

        Raises:
            UnavailableError: The store did not answer; raised here or at commit.
        """
