"""Port: sessions, inside one unit of work."""

from abc import abstractmethod
from datetime import datetime
from typing import Protocol

from domain.identifiers import SessionId, UserId
from domain.revocation import Revocation
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
    async def lock(self, user_id: UserId, session_id: SessionId) -> Session | None:
        """Hold the user's session until the unit ends; None when it is not there.

        Raises:
            UnavailableError: The store did not answer, or the lock was not to be had in time.
        """

    @abstractmethod
    async def list_active(self, user_id: UserId, *, now: datetime) -> list[Session]:
        """The user's sessions that are active at ``now``, newest sign-in first.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def hand_out(self, session: Session) -> bool:
        """Store the refresh token that ``Session.hand_out`` gave; False when it was revoked.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def renew(self, session: Session) -> bool:
        """Store what ``Session.renew`` gave; of racing renewals one gets True.

        It takes effect only while the stored refresh token is the one that was replaced.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def revoke(self, user_id: UserId, session_id: SessionId, revocation: Revocation) -> bool:
        """End one session of the user's; False when it is not the user's or was revoked before.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def revoke_all(
        self, user_id: UserId, revocation: Revocation, *, spare: SessionId | None = None
    ) -> list[SessionId]:
        """End every session of the user's, but for ``spare``; gives those that were active, by id.

        One whose end has only just come is ended as well, as a renewal that began in time may
        be under way; those that are beyond renewal stay as they are.

        Raises:
            UnavailableError: The store did not answer.
        """
