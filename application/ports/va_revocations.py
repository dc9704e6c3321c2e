"""Port: the outbox of tokens to revoke at VA, inside one unit of work."""

from abc import abstractmethod
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.data_key import WrappedDataKey
from domain.va_revocation import VARevocation


class VARevocations(Protocol):
    """An entry is added with the change that causes it and stays until VA has answered."""

    @abstractmethod
    async def add(self, revocation: VARevocation) -> None:
        """Adds a new entry.

        Raises:
            UnavailableError: The store did not answer; raised here or at commit.
        """

    @abstractmethod
    async def claim(self, *, now: datetime, busy_until: datetime, limit: int) -> list[VARevocation]:
        """Returns up to ``limit`` entries that are due, and reserves them until ``busy_until``.

        Each entry is returned with its attempts increased by one. Concurrent calls never return
        the same entry.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def put_off(self, revocation_id: UUID, *, until: datetime) -> None:
        """Postpones an entry.

        Raises:
            UnavailableError: The store did not answer; raised here or at commit.
        """

    @abstractmethod
    async def remove(self, revocation_id: UUID) -> None:
        """Removes an entry with its token and its key.

        Raises:
            UnavailableError: The store did not answer; raised here or at commit.
        """

    @abstractmethod
    async def list_not_under(
        self, master_key_id: str, *, after: UUID | None, limit: int
    ) -> list[VARevocation]:
        """Returns up to ``limit`` entries after ``after`` with keys under other master keys, by id.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def count_not_under(self, master_key_id: str) -> int:
        """Returns the number of entries with keys under other master keys.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def replace_key(
        self, revocation_id: UUID, old: WrappedDataKey, new: WrappedDataKey
    ) -> bool:
        """Replaces ``old`` with ``new``. Returns False if ``old`` is no longer stored.

        Raises:
            UnavailableError: The store did not answer.
        """
