"""Port: whether a session still stands, on the hot path."""

from abc import abstractmethod
from typing import Protocol

from domain.identifiers import SessionId, UserId
from domain.session_standing import SessionStanding


class SessionLookup(Protocol):
    """Reads sessions as last committed; no cache stands between."""

    @abstractmethod
    async def find(self, user_id: UserId, session_id: SessionId) -> SessionStanding | None:
        """The user's session, revoked or expired ones included; None when it is not there.

        Sees every change that was acknowledged before the call began.

        Raises:
            UnavailableError: The store did not answer; says nothing about the session.
        """
