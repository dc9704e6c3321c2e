"""Port: sessions, inside one unit of work."""

from abc import abstractmethod
from datetime import datetime
from typing import Protocol

from domain.identifiers import SessionId, UserId
from domain.session import Session


class SessionRepository(Protocol):
    """Sessions as one unit of work sees them, its own writes included."""

    @abstractmethod
    async def add(self, session: Session) -> None:
        """Store a new session.

        Raises:
            ConflictError: A session with that id exists; raised here or at commit.
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def revoke(self, user_id: UserId, session_id: SessionId, *, now: datetime) -> bool:
        """End one session of the user's; False when it is not the user's or has ended already.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def revoke_all(self, user_id: UserId, *, now: datetime) -> list[SessionId]:
        """End every session of the user's that is active at ``now``; which ones, by id.

        Raises:
            UnavailableError: The store did not answer.
        """
