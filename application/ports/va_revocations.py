"""Port: the outbox of tokens to be revoked at VA, inside one unit of work."""

from abc import abstractmethod
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.data_key import WrappedDataKey
from domain.va_revocation import VARevocation


class VARevocations(Protocol):
    """Entries stand from the change that asks for them until VA has answered."""

    @abstractmethod
    async def add(self, revocation: VARevocation) -> None:
        """Keep a new entry.

        Raises:
            UnavailableError: The store did not answer; raised here or at commit.
        """

    @abstractmethod
    async def claim(self, *, now: datetime, busy_until: datetime, limit: int) -> list[VARevocation]:
        """Up to ``limit`` entries that are due, put off until ``busy_until`` for anybody else.

        Each comes back with one attempt more. Of racing claims none gets an entry of another's.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def put_off(self, revocation_id: UUID, *, until: datetime) -> None:
        """Try an entry again later.

        Raises:
            UnavailableError: The store did not answer; raised here or at commit.
        """

    @abstractmethod
    async def remove(self, revocation_id: UUID) -> None:
        """Let go of an entry, and with it of its token and key.

        Raises:
            UnavailableError: The store did not answer; raised here or at commit.
        """

    @abstractmethod
    async def list_not_under(
        self, master_key_id: str, *, after: UUID | None, limit: int
    ) -> list[VARevocation]:
        """Up to ``limit`` entries with keys under other master keys, by id, those after ``after``.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def count_not_under(self, master_key_id: str) -> int:
        """How many entries have keys under other master keys.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def replace_key(
        self, revocation_id: UUID, old: WrappedDataKey, new: WrappedDataKey
    ) -> bool:
        """Store ``new`` where the entry still has ``old``; False when it does not.

        Raises:
            UnavailableError: The store did not answer.
        """
