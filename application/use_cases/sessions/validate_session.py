"""Use case: whether a token's session still stands."""

from dataclasses import dataclass, field
from typing import final

from application.errors import SessionNotStandingError
from application.ports.clock import Clock
from application.ports.session_lookup import SessionLookup
from application.ports.session_tokens import SessionTokens
from domain.session_claims import SessionClaims
from domain.session_standing import SessionStanding


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidateSessionCommand:
    """The token as the caller showed it."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidSession:
    """A token that holds and the session behind it."""

    claims: SessionClaims
    session: SessionStanding


@final
class ValidateSession:
    """Strict: the session is read anew for each call, after the call began."""

    def __init__(self, *, tokens: SessionTokens, sessions: SessionLookup, clock: Clock) -> None:
        self._tokens = tokens
        self._sessions = sessions
        self._clock = clock

    async def execute(self, command: ValidateSessionCommand) -> ValidSession:
        """Accept a token only while its session stands.

        Raises:
            UnauthenticatedError: The token does not hold.
            SessionNotStandingError: It does, but its session has ended.
            UnavailableError: Storage did not answer; the session may well stand.
        """
        now = self._clock.now()
        claims = self._tokens.verify(command.token, now=now)
        session = await self._sessions.find(claims.user_id, claims.session_id)
        if session is None or not session.is_active(now):
            raise SessionNotStandingError(claims.user_id, claims.session_id)
        return ValidSession(claims=claims, session=session)
