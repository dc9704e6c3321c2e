"""Port: letting go of what is past its retention, inside one unit of work."""

from abc import abstractmethod
from datetime import datetime
from typing import Protocol


class Purge(Protocol):
    """Removes in small batches. Units of several may run at once: none waits for another."""

    @abstractmethod
    async def sessions(self, *, ended_before: datetime, limit: int) -> int:
        """Remove up to ``limit`` sessions that ended or were revoked before then; how many.

        A session that still stands is never among them.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def sign_ins(self, *, ended_before: datetime, limit: int) -> int:
        """Remove up to ``limit`` login attempts, one-time codes and used assertions of before then.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def count_sessions(self, *, ended_before: datetime) -> int:
        """How many sessions there are to remove.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def count_sign_ins(self, *, ended_before: datetime) -> int:
        """How many login attempts, one-time codes and used assertions there are to remove.

        Raises:
            UnavailableError: The store did not answer.
        """
