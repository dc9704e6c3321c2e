"""Port: which sessions attempts opened, inside one unit of work."""

from abc import abstractmethod
from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from domain.identifiers import SessionId, UserId
from domain.login_attempt import LoginAttempt


class AttemptOutcomes(Protocol):
    """The sessions that attempts opened. ``SessionRepository.add`` records them."""

    @abstractmethod
    async def supersede(
        self, browser_hashes: Collection[bytes], *, by: LoginAttempt, now: datetime
    ) -> list[tuple[UserId, SessionId]]:
        """Takes away what attempts opened. Those that are in progress can't open anything anymore.

        It affects the attempts with these hashes that were consumed before ``by`` was started, and
        the one that ``by`` replaces. It waits for units that are opening a session for them.

        Returns:
            The sessions that they opened, each only once. It doesn't end them.

        Raises:
            UnavailableError: The store did not answer.
        """
