"""Use case: keep a session alive."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import final

from application.errors import SessionEndedError, TokenReusedError, UnauthenticatedError
from application.ports.clock import Clock
from application.ports.refresh_tokens import RefreshTokens
from application.ports.secret_source import SecretSource
from application.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from application.session_grants import SessionGrants
from domain.audit_event import AuditEvent, AuditEventType
from domain.identifiers import TokenId
from domain.refresh_token import RefreshToken
from domain.revocation import Revocation, RevokedBy
from domain.session import RenewalVerdict, Session
from domain.session_grant import SessionGrant
from domain.session_limits import SessionLimits
from domain.visitor import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewSessionCommand:
    """The refresh token as the client showed it."""

    refresh_token: str = field(repr=False)
    visitor: Visitor


@final
class RenewSession:
    """Gives a new JWT for the same session and replaces its refresh token."""

    def __init__(
        self,
        *,
        unit_of_work: UnitOfWorkFactory,
        refresh_tokens: RefreshTokens,
        grants: SessionGrants,
        secrets: SecretSource,
        clock: Clock,
        limits: SessionLimits,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._refresh_tokens = refresh_tokens
        self._grants = grants
        self._secrets = secrets
        self._clock = clock
        self._limits = limits

    async def execute(self, command: RenewSessionCommand) -> SessionGrant:
        """Renew, or give a lost answer again; both are audited.

        Raises:
            UnauthenticatedError: The token names no session that there is. Nothing is audited:
                how much of what strangers show is worth a line, the caller has to bound.
            SessionEndedError: Its session has ended; the audit says that it was tried.
            TokenReusedError: It was used before; its session has ended now, and the audit
                says so.
            UnavailableError: Storage did not answer; the same token can be tried again.
        """
        shown = self._refresh_tokens.read(command.refresh_token)
        async with self._unit_of_work() as work:
            session = await work.sessions.lock(shown.user_id, shown.session_id)
            # Read now that the wait for the row is over.
            now = self._clock.now()
            if session is None:
                raise UnauthenticatedError
            match await self._verdict(work, session, shown, now):
                case RenewalVerdict.ROTATE:
                    session = await self._rotate(work, session, shown, command.visitor, now)
                case RenewalVerdict.REPEAT:
                    # Whoever else has the token gets a session by this, too.
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
        # Before anybody is taken for a thief: an outage of ours may have kept the answer back.
        outage = await work.outages.newest()
        return session.verdict(shown, now=now, limits=self._limits, outage=outage)

    async def note_stranger(self, visitor: Visitor) -> None:
        """Leave in the audit that somebody showed what names no session that there is.

        Raises:
            UnavailableError: Storage did not answer.
        """
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
    """Note a token of a session that has ended, and commit."""
    event = _event(
        AuditEventType.SESSION_RENEW_REFUSED, session, visitor, now, reason="session_ended"
    )
    await work.audit.append(event)
    await work.commit()


async def _end(
    work: UnitOfWork, session: Session, by: RevokedBy, visitor: Visitor, now: datetime
) -> None:
    """End the session and commit: a refusal that must leave its trace."""
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
