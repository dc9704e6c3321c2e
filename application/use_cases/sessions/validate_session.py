"""Use case: check a JWT and its session."""

from dataclasses import dataclass
from typing import final

from application.errors import SessionNotStandingError
from application.ports.clock import Clock
from application.ports.session_lookup import SessionLookup
from application.ports.session_tokens import SessionTokens
from domain.secret import Secret
from domain.session_claims import SessionClaims
from domain.session_standing import SessionStanding


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidateSessionCommand:
    """The JWT that the caller sent."""

    token: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidSession:
    """The claims of a valid JWT, and its session."""

    claims: SessionClaims
    session: SessionStanding


@final
class ValidateSession:
    """Reads the session from the store for every call, so a revocation takes effect at once."""

    def __init__(self, *, tokens: SessionTokens, sessions: SessionLookup, clock: Clock) -> None:
        self._tokens = tokens
        self._sessions = sessions
        self._clock = clock

    async def execute(self, command: ValidateSessionCommand) -> ValidSession:
        """Returns the claims and the session, if the JWT is valid and the session stands.

        Raises:
            UnauthenticatedError: The JWT isn't valid.
            SessionNotStandingError: The JWT is valid, but its session doesn't stand.
            UnavailableError: The store did not answer, so the session may stand.
        """
        now = self._clock.now()
        claims = self._tokens.verify(command.token.reveal(), now=now)
        session = await self._sessions.find(claims.user_id, claims.session_id)
        if session is None or not session.is_active(now):
            raise SessionNotStandingError(claims.user_id, claims.session_id)
        return ValidSession(claims=claims, session=session)
