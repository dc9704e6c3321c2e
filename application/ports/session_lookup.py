"""Port: the look-up of sessions, on the hot path."""

from abc import abstractmethod
from typing import Protocol

from domain.identifiers import SessionId, UserId
from domain.session_standing import SessionStanding


class SessionLookup(Protocol):
    """Reads committed sessions, without a cache."""

    @abstractmethod
    async def find(self, user_id: UserId, session_id: SessionId) -> SessionStanding | None:
        """Returns the user's session, which may be revoked or expired, or None.

        It sees every change that was acknowledged before the call began.

        Raises:
            UnavailableError: The store did not answer. The session may still stand.
        """
