"""Port: what is stored about users, for operators."""

from abc import abstractmethod
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from domain.identifiers import UserId
from domain.user_record import UserRecord, UserSummary
from domain.user_search import ByEmail, ByICN, ById, ByName


class UserRecords(Protocol):
    """Committed users. Each call is one or more reads without a transaction."""

    @abstractmethod
    async def search(
        self, wanted: ById | ByICN | ByEmail | ByName, *, limit: int
    ) -> Sequence[UserSummary]:
        """Returns up to ``limit`` matching users, in an order that is the same every time.

        An id is a user's or a stored session's. Case and accents don't matter. Names that match
        in full come before longer ones.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def find_all(self, user_ids: Collection[UserId]) -> Sequence[UserSummary]:
        """Returns those of the users that exist, in the order of their ids.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def find(self, user_id: UserId, *, now: datetime, max_sessions: int) -> UserRecord | None:
        """Returns everything about a user, or None. ``now`` tells which sessions are active.

        Raises:
            UnavailableError: The store did not answer.
        """
