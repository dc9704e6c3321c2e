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
    async def add(self, session: Session, *, opened_by: bytes | None = None) -> None:
        """Stores a new session, and records it with the attempt that opened it.

        Args:
            session: The session.
            opened_by: The state's hash of the attempt. Nothing is recorded if the attempt is gone.

        Raises:
            ConflictError: A session with that id exists; raised here or at commit.
            AttemptSupersededError: The attempt was superseded; raised here or at commit.
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def lock(self, user_id: UserId, session_id: SessionId) -> Session | None:
        """Locks the user's session until the unit ends and returns it, or None.

        Raises:
            UnavailableError: The store did not answer, or the lock could not be acquired in time.
        """

    @abstractmethod
    async def list_active(self, user_id: UserId, *, now: datetime) -> list[Session]:
        """Returns the user's sessions that are active at ``now``, newest sign-in first.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def hand_out(self, session: Session) -> bool:
        """Stores the result of ``Session.hand_out``. Returns False if the session was revoked.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def renew(self, session: Session) -> bool:
        """Stores the result of ``Session.renew``. Of concurrent renewals, only one gets True.

        Nothing changes if the stored refresh token is no longer the one that was replaced.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def revoke(self, user_id: UserId, session_id: SessionId, revocation: Revocation) -> bool:
        """Revokes the user's session. Returns False if it isn't theirs or was already revoked.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def revoke_all(
        self, user_id: UserId, revocation: Revocation, *, spare: SessionId | None = None
    ) -> list[SessionId]:
        """Revokes the user's sessions, except ``spare``. Returns the sorted ids of the active ones.

        It also revokes sessions that have only just expired, because a renewal that began in
        time may still be running. Sessions that are beyond renewal don't change.

        Raises:
            UnavailableError: The store did not answer.
        """
