"""Port: hand-over codes, inside one unit of work."""

from abc import abstractmethod
from datetime import datetime
from typing import Protocol

from domain.handoff import Handoff, HandoffHolder


class Handoffs(Protocol):
    """Hand-over codes as one unit of work sees them."""

    @abstractmethod
    async def add(self, handoff: Handoff) -> None:
        """Stores a new code.

        Raises:
            UnavailableError: The store did not answer; raised here or at commit.
        """

    @abstractmethod
    async def take(
        self, *, code_hash: bytes, holder: HandoffHolder, now: datetime
    ) -> Handoff | None:
        """Redeems a code, once. Returns None if this holder has no such code at ``now``.

        Another holder can't use up the code. All values are hashes, so how long a comparison takes
        reveals nothing about the secrets.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def take_expired(self, *, before: datetime, limit: int) -> list[Handoff]:
        """Removes up to ``limit`` codes that expired before ``before``, and returns them.

        Nobody redeemed them. Concurrent units don't wait for each other, and each code is returned
        to one of them.

        Raises:
            UnavailableError: The store did not answer.
        """
