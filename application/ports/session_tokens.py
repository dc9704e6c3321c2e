"""Port: VetAssist's own JWTs."""

from abc import abstractmethod
from datetime import datetime
from typing import Protocol

from domain.identifiers import ICN
from domain.secret import Secret
from domain.session import Session
from domain.session_claims import SessionClaims


class SessionTokens(Protocol):
    """Issues and verifies the JWT of a session."""

    @abstractmethod
    def issue(self, session: Session, icn: ICN | None, *, expires_at: datetime) -> Secret:
        """Returns a JWT for ``session`` as last renewed. The same arguments give the same JWT."""

    @abstractmethod
    def verify(self, token: str, *, now: datetime) -> SessionClaims:
        """Verifies a JWT and returns its claims. Doesn't check whether its session still stands.

        Raises:
            UnauthenticatedError: It isn't one of our JWTs, was altered, or isn't valid at ``now``.
        """

    @abstractmethod
    def read(self, token: str) -> SessionClaims:
        """Returns the claims of a JWT that may have expired. It must never open anything.

        Raises:
            UnauthenticatedError: It isn't one of our JWTs, or was altered.
        """
