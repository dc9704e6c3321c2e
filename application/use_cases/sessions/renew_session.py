"""Use case: renew a session."""

from dataclasses import dataclass
from datetime import datetime
from typing import final

from application.errors import (
    OtherFrontEndError,
    SessionEndedError,
    TokenReusedError,
    UnauthenticatedError,
)
from application.ports.clock import Clock
from application.ports.refresh_tokens import RefreshTokens
from application.ports.refusal_limit import RefusalLimit
from application.ports.secret_source import SecretSource
from application.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from application.session_grants import SessionGrants
from domain.audit_event import AuditEvent, AuditEventType
from domain.front_end import SETTINGS_FRONT_END, FrontEndId
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
    """The refresh token that the client sent.

    Attributes:
        front_end: Whose page sent it, or None if no page did.
    """

    refresh_token: Secret
    visitor: Visitor
    front_end: FrontEndId | None = None


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
            OtherFrontEndError: A page of another front end sent the token. Nothing changed.
            SessionEndedError: Its session has ended, or its front end was disabled.
            TokenReusedError: The token was used before, so this ended its session.
            UnavailableError: Storage did not answer. The same token can be tried again.
        """
        try:
            return await self._renew(command)
        except (OtherFrontEndError, SessionEndedError, TokenReusedError):
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
            if command.front_end not in {None, session.front_end}:
                await _refuse(work, session, command.visitor, now, reason="other_front_end")
                raise OtherFrontEndError
            verdict = await self._verdict(work, session, shown, now)
            limits = await self._limits_of(work, session)
            if limits is None and verdict in {RenewalVerdict.ROTATE, RenewalVerdict.REPEAT}:
                await _end(work, session, RevokedBy.OPERATOR, command.visitor, now)
                raise SessionEndedError
            match verdict:
                case RenewalVerdict.ROTATE:
                    session = await self._rotate(
                        work,
                        session,
                        shown,
                        visitor=command.visitor,
                        now=now,
                        limits=limits or self._limits,
                    )
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
                    await _refuse(work, session, command.visitor, now, reason="session_ended")
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

    async def _limits_of(self, work: UnitOfWork, session: Session) -> SessionLimits | None:
        """The limits at the session's front end, or None if that was disabled."""
        if session.front_end == SETTINGS_FRONT_END:
            return self._limits
        front_end = await work.front_ends.find(session.front_end)
        if front_end is None or not front_end.is_enabled:
            return None
        return front_end.limits(self._limits)

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
        *,
        visitor: Visitor,
        now: datetime,
        limits: SessionLimits,
    ) -> Session:
        renewed = session.renew(
            shown,
            salt=self._secrets.token(),
            token_id=TokenId(self._secrets.token().reveal()),
            now=now,
            limits=limits,
        )
        if not await work.sessions.renew(renewed):
            raise UnauthenticatedError
        await work.audit.append(_event(AuditEventType.SESSION_RENEWED, session, visitor, now))
        return renewed


async def _refuse(
    work: UnitOfWork, session: Session, visitor: Visitor, now: datetime, *, reason: str
) -> None:
    """Records that a token was used in vain, and commits."""
    event = _event(AuditEventType.SESSION_RENEW_REFUSED, session, visitor, now, reason=reason)
    await work.audit.append(event)
    await work.commit()


async def _end(
    work: UnitOfWork, session: Session, by: RevokedBy, visitor: Visitor, now: datetime
) -> None:
    """Ends the session, records why, and commits."""
    if by is RevokedBy.THEFT:
        event_type, reason = AuditEventType.SESSION_THEFT, "refresh_token_reused"
    elif by is RevokedBy.OPERATOR:
        event_type, reason = AuditEventType.SESSION_ENDED, "front_end_disabled"
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
