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
