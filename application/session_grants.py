"""Creates the tokens of a session, in one place."""

from typing import final

from application.ports.refresh_tokens import RefreshTokens
from application.ports.session_tokens import SessionTokens
from domain.identifiers import ICN
from domain.refresh_token import RefreshToken
from domain.session import Session
from domain.session_grant import SessionGrant
from domain.session_limits import SessionLimits


@final
class SessionGrants:
    """Creates the JWT and the refresh token of a session as last renewed."""

    def __init__(
        self, *, tokens: SessionTokens, refresh_tokens: RefreshTokens, limits: SessionLimits
    ) -> None:
        self._tokens = tokens
        self._refresh_tokens = refresh_tokens
        self._limits = limits

    def grant(self, session: Session, icn: ICN | None, refresh: RefreshToken) -> SessionGrant:
        """Returns the same for the same arguments, so that a lost answer can be repeated."""
        expires_at = session.token_expires_at(self._limits)
        return SessionGrant(
            session=session,
            token=self._tokens.issue(session, icn, expires_at=expires_at),
            token_expires_at=expires_at,
            refresh_token=self._refresh_tokens.write(refresh),
        )
