"""Use case: a back end acts for a Veteran with VA's access token."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import final

from application.errors import (
    ApplicationError,
    ProviderUnavailableError,
    SessionEndedError,
    VAScopeNotGrantedError,
    VASignInNeededError,
)
from application.ports.clock import Clock
from application.ports.token_cipher import SealBrokenError
from application.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from application.token_sealing import TokenSealing
from domain.audit_event import AuditEvent, AuditEventType
from domain.secret import Secret
from domain.session_standing import SessionStanding
from domain.va_token_use import TokenPurpose
from domain.va_tokens import VATokens
from domain.visitor import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class UseVATokenCommand:
    """Which back end wants to act for whom, and what for.

    Attributes:
        session: The Veteran's session, as it was found when the request came.
        client_id: The back end's name, authenticated.
        scopes: What the token must cover; empty: whatever was granted.
    """

    session: SessionStanding
    client_id: str
    purpose: TokenPurpose
    scopes: frozenset[str]
    visitor: Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class UsableVAToken:
    """VA's access token, and how far it goes.

    Attributes:
        scope: All that it covers, separated by spaces; more than was asked for, maybe.
        expires_at: First instant (UTC) at which it is no longer valid.
    """

    access_token: Secret
    scope: str
    expires_at: datetime


class _RefusedError(Exception):
    """The use is refused: with ``reason`` in the audit and ``error`` for the caller."""

    def __init__(self, reason: str, error: ApplicationError) -> None:
        super().__init__(reason)
        self.reason = reason
        self.error = error


@final
class UseVAToken:
    """Hands out the access token, on record: no token leaves before its audit is committed."""

    def __init__(
        self,
        *,
        unit_of_work: UnitOfWorkFactory,
        sealing: TokenSealing,
        clock: Clock,
        min_validity: timedelta,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._sealing = sealing
        self._clock = clock
        self._min_validity = min_validity

    async def execute(self, command: UseVATokenCommand) -> UsableVAToken:
        """Give the user's access token to a back end, valid for ``min_validity`` at least.

        The session is looked at again in the transaction that records the use, so whatever
        ended it before that wins.

        Raises:
            SessionEndedError: The session no longer stands.
            VASignInNeededError: There are no tokens, or none that could be used.
            VAScopeNotGrantedError: They do not cover what was asked for.
            ProviderUnavailableError: They have expired, and VA gives no newer ones at present.
            UnavailableError: Storage did not answer; no token was given.
        """
        async with self._unit_of_work() as work:
            try:
                token = await self._usable(work, command)
            except _RefusedError as refused:
                await work.audit.append(
                    self._event(
                        AuditEventType.VA_TOKEN_USE_REFUSED,
                        command,
                        scope=" ".join(sorted(command.scopes)),
                        reason=refused.reason,
                    )
                )
                await work.commit()
                raise refused.error from None
            event = self._event(AuditEventType.VA_TOKEN_USED, command, scope=token.scope)
            await work.audit.append(event)
            await work.commit()
        return token

    async def _usable(self, work: UnitOfWork, command: UseVATokenCommand) -> UsableVAToken:
        now = self._clock.now()
        tokens = await self._tokens(work, command, now)
        if not command.scopes <= set(tokens.scope.split()):
            raise _RefusedError("scope_not_granted", VAScopeNotGrantedError())
        if now + self._min_validity > tokens.expires_at:
            raise _RefusedError("provider_unavailable", ProviderUnavailableError())
        return UsableVAToken(
            access_token=tokens.access_token, scope=tokens.scope, expires_at=tokens.expires_at
        )

    async def _tokens(
        self, work: UnitOfWork, command: UseVATokenCommand, now: datetime
    ) -> VATokens:
        user_id = command.session.user_id
        user = await work.users.lock(user_id)
        session = await work.sessions.lock(user_id, command.session.session_id)
        if user is None or not user.is_active or session is None or not session.is_active(now):
            raise _RefusedError("session_ended", SessionEndedError())
        sealed = await work.va_tokens.find(user_id)
        if sealed is None:
            raise _RefusedError("no_tokens", VASignInNeededError())
        try:
            return await self._sealing.unsealed(sealed, await work.data_keys.find(user_id))
        except SealBrokenError:
            raise _RefusedError("unreadable", VASignInNeededError()) from None

    def _event(self, type_: AuditEventType, command: UseVATokenCommand, **data: str) -> AuditEvent:
        return AuditEvent.of_session(
            type_,
            command.session.user_id,
            command.session.session_id,
            visitor=command.visitor,
            now=self._clock.now(),
            client=command.client_id,
            purpose=command.purpose.value,
            **data,
        )
