"""Port: one-time codes for sessions, inside one unit of work."""

from abc import abstractmethod
from datetime import datetime
from typing import Protocol

from domain.handoff import Handoff


class Handoffs(Protocol):
    """Codes as one unit of work sees them."""

    @abstractmethod
    async def add(self, handoff: Handoff) -> None:
        """Keep a new code.

        Raises:
            UnavailableError: The store did not answer; raised here or at commit.
        """

    @abstractmethod
    async def take(self, *, code_hash: bytes, browser_hash: bytes, now: datetime) -> Handoff | None:
        """Use a code up, once; None when there is none for this browser at ``now``.

        Raises:
            UnavailableError: The store did not answer.
        """
