"""Use case: renew a session."""

from dataclasses import dataclass
from datetime import datetime
from typing import final

from application.errors import SessionEndedError, TokenReusedError, UnauthenticatedError
from application.ports.clock import Clock
from application.ports.refresh_tokens import RefreshTokens
from application.ports.refusal_limit import RefusalLimit
from application.ports.secret_source import SecretSource
from application.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from application.session_grants import SessionGrants
from domain.audit_event import AuditEvent, AuditEventType
from domain.identifiers import TokenId
from domain.refresh_token import RefreshToken
from domain.revocation import Revocation, RevokedBy
from domain.secret import Secret
from domain.session import RenewalVerdict, Session
from domain.session_grant import SessionGrant
from domain.session_limits import SessionLimits
from domain.visitor import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewSessionCommand:
    """The refresh token that the client sent."""

    refresh_token: Secret
    visitor: Visitor


@final
class RenewSession:
    """Issues a new JWT for the same session, and rotates its refresh token."""

    def __init__(
        self,
        *,
        unit_of_work: UnitOfWorkFactory,
        refresh_tokens: RefreshTokens,
        grants: SessionGrants,
        secrets: SecretSource,
        clock: Clock,
        limits: SessionLimits,
        refusals: RefusalLimit,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._refresh_tokens = refresh_tokens
        self._grants = grants
        self._secrets = secrets
        self._clock = clock
        self._limits = limits
        self._refusals = refusals

    async def execute(self, command: RenewSessionCommand) -> SessionGrant:
        """Renews the session, or repeats the last renewal within the grace.

        The audit trail records every renewal and refusal, up to a limit for tokens without a
        session.

        Raises:
            UnauthenticatedError: The token belongs to no existing session.
            SessionEndedError: Its session has ended.
            TokenReusedError: The token was used before, so this ended its session.
            UnavailableError: Storage did not answer. The same token can be tried again.
        """
        try:
            return await self._renew(command)
        except (SessionEndedError, TokenReusedError):
            raise
        except UnauthenticatedError:
            await self._record_stranger(command.visitor)
            raise

    async def _renew(self, command: RenewSessionCommand) -> SessionGrant:
        shown = self._refresh_tokens.read(command.refresh_token.reveal())
        async with self._unit_of_work() as work:
            session = await work.sessions.lock(shown.user_id, shown.session_id)
            # Locking the row may have taken a while.
            now = self._clock.now()
            if session is None:
                raise UnauthenticatedError
            match await self._verdict(work, session, shown, now):
                case RenewalVerdict.ROTATE:
                    session = await self._rotate(work, session, shown, command.visitor, now)
                case RenewalVerdict.REPEAT:
                    # A thief who has the token gets the session this way, too.
                    repeated = _event(
                        AuditEventType.SESSION_RENEW_REPEATED, session, command.visitor, now
                    )
                    await work.audit.append(repeated)
                case RenewalVerdict.THEFT:
                    await _end(work, session, RevokedBy.THEFT, command.visitor, now)
                    raise TokenReusedError
                case RenewalVerdict.EXPIRED:
                    await _end(work, session, RevokedBy.LIMIT, command.visitor, now)
                    raise SessionEndedError
                case RenewalVerdict.ENDED:
                    await _refuse(work, session, command.visitor, now)
                    raise SessionEndedError
            user = await work.users.find(session.user_id)
            if user is None or session.rotation.salt is None:
                raise UnauthenticatedError
            await work.commit()
        return self._grants.grant(session, user.icn, shown.successor(session.rotation.salt))

    async def _verdict(
        self, work: UnitOfWork, session: Session, shown: RefreshToken, now: datetime
    ) -> RenewalVerdict:
        verdict = session.verdict(shown, now=now, limits=self._limits)
        if verdict is not RenewalVerdict.THEFT:
            return verdict
        # It is no theft if an outage kept the last answer from the client.
        outage = await work.outages.newest()
        return session.verdict(shown, now=now, limits=self._limits, outage=outage)

    async def _record_stranger(self, visitor: Visitor) -> None:
        if not self._refusals.allows(visitor.address_hash):
            return
        event = AuditEvent.of_service(
            AuditEventType.SESSION_RENEW_REFUSED,
            visitor=visitor,
            now=self._clock.now(),
            reason="no_such_session",
        )
        async with self._unit_of_work() as work:
            await work.audit.append(event)
            await work.commit()

    async def _rotate(
        self,
        work: UnitOfWork,
        session: Session,
        shown: RefreshToken,
        visitor: Visitor,
        now: datetime,
    ) -> Session:
        renewed = session.renew(
            shown,
            salt=self._secrets.token(),
            token_id=TokenId(self._secrets.token().reveal()),
            now=now,
            limits=self._limits,
        )
        if not await work.sessions.renew(renewed):
            raise UnauthenticatedError
        await work.audit.append(_event(AuditEventType.SESSION_RENEWED, session, visitor, now))
        return renewed


async def _refuse(work: UnitOfWork, session: Session, visitor: Visitor, now: datetime) -> None:
    """Records that a token of an ended session was used, and commits."""
    event = _event(
        AuditEventType.SESSION_RENEW_REFUSED, session, visitor, now, reason="session_ended"
    )
    await work.audit.append(event)
    await work.commit()


async def _end(
    work: UnitOfWork, session: Session, by: RevokedBy, visitor: Visitor, now: datetime
) -> None:
    """Ends the session, records why, and commits."""
    if by is RevokedBy.THEFT:
        event_type, reason = AuditEventType.SESSION_THEFT, "refresh_token_reused"
    else:
        event_type, reason = AuditEventType.SESSION_ENDED, _limit_of(session)
    await work.sessions.revoke(
        session.user_id, session.id, Revocation(at=now, by=by, reason=reason)
    )
    await work.audit.append(_event(event_type, session, visitor, now, reason=reason))
    await work.commit()


def _event(
    type_: AuditEventType, session: Session, visitor: Visitor, now: datetime, **data: str
) -> AuditEvent:
    return AuditEvent.of_session(
        type_, session.user_id, session.id, visitor=visitor, now=now, **data
    )


def _limit_of(session: Session) -> str:
    return "absolute" if session.expires_at == session.absolute_expires_at else "idle"
