"""Port: VetAssist's own tokens."""

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
        """A signed token for ``session`` as last renewed; the same for the same arguments."""

    @abstractmethod
    def verify(self, token: str, *, now: datetime) -> SessionClaims:
        """What a token of ours says. Whether its session still stands is not checked.

        Raises:
            UnauthenticatedError: Not a token of ours, altered, or not valid at ``now``.
        """
