"""Use case: a user signs out of one session."""

from dataclasses import dataclass
from typing import final

from application.errors import UnauthenticatedError
from application.ports.clock import Clock
from application.ports.refresh_tokens import RefreshTokens
from application.ports.session_tokens import SessionTokens
from application.ports.unit_of_work import UnitOfWorkFactory
from domain.audit_event import AuditEvent, AuditEventType
from domain.identifiers import SessionId, UserId
from domain.revocation import Revocation, RevokedBy
from domain.secret import Secret
from domain.visitor import Visitor


@dataclass(frozen=True, slots=True)
class ByJWT:
    """A JWT of the session, which may have expired."""

    token: Secret


@dataclass(frozen=True, slots=True)
class ByRefreshToken:
    """A refresh token of the session, which may have been replaced."""

    token: Secret


#: What shows which session to end.
SignOutProof = ByJWT | ByRefreshToken


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOutCommand:
    """The session to sign out of, as the caller showed it."""

    proof: SignOutProof
    visitor: Visitor


@final
class SignOut:
    """Ends the session that a token was issued for, even if the token itself has expired.

    A session outlives its JWT: without this, a renewal could bring back what the user has just
    signed out of. Whoever has the token could have ended the session while the token was valid.
    """

    def __init__(
        self,
        *,
        unit_of_work: UnitOfWorkFactory,
        tokens: SessionTokens,
        refresh_tokens: RefreshTokens,
        clock: Clock,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._tokens = tokens
        self._refresh_tokens = refresh_tokens
        self._clock = clock

    async def execute(self, command: SignOutCommand) -> None:
        """Ends the session. Audited in the transaction. A session that is over doesn't change.

        Raises:
            UnauthenticatedError: The token isn't genuine, or its session was purged.
            UnavailableError: The store did not answer. Nothing was acknowledged.
        """
        user_id, session_id = self._session_of(command.proof)
        async with self._unit_of_work() as work:
            session = await work.sessions.lock(user_id, session_id)
            # Locking the row may have taken a while.
            now = self._clock.now()
            if session is None:
                raise UnauthenticatedError
            if session.is_beyond_renewal(now):
                return
            event_type = AuditEventType.LOGOUT
            revocation = Revocation(at=now, by=RevokedBy.USER, reason=event_type.value)
            await work.sessions.revoke(user_id, session_id, revocation)
            await work.audit.append(
                AuditEvent.of_session(
                    event_type, user_id, session_id, visitor=command.visitor, now=now
                )
            )
            await work.commit()

    def _session_of(self, proof: SignOutProof) -> tuple[UserId, SessionId]:
        shown = (
            self._tokens.read(proof.token.reveal())
            if isinstance(proof, ByJWT)
            else self._refresh_tokens.read(proof.token.reveal())
        )
        return shown.user_id, shown.session_id
