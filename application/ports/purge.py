"""Port: removing expired rows, inside one unit of work."""

from abc import abstractmethod
from datetime import datetime
from typing import Protocol


class Purge(Protocol):
    """Removes rows in small batches. Concurrent units don't wait for each other."""

    @abstractmethod
    async def sessions(self, *, ended_before: datetime, limit: int) -> int:
        """Removes up to ``limit`` sessions that ended before ``ended_before``. Returns how many.

        It never removes a session that still stands.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def sign_ins(self, *, ended_before: datetime, limit: int) -> int:
        """Removes up to ``limit`` attempts and used assertions. Returns how many.

        It only removes assertions that expired before ``ended_before``, and attempts that ended
        ``ATTEMPT_KEPT_FOR`` before it. ``Handoffs.take_expired`` removes hand-over codes.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def count_sessions(self, *, ended_before: datetime) -> int:
        """Returns the number of sessions to remove.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def count_sign_ins(self, *, ended_before: datetime) -> int:
        """Returns the number of attempts, hand-over codes and used assertions to remove.

        Raises:
            UnavailableError: The store did not answer.
        """
