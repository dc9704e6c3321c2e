"""Use case: a back end uses a Veteran's VA access token."""

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
from application.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from application.token_sealing import TokenSealing, readable
from application.va_token_refresher import DueRefresh, VATokenRefresher
from domain.audit_event import AuditEvent, AuditEventType
from domain.identifiers import SessionId, UserId
from domain.secret import Secret
from domain.user import User
from domain.va_token_refresh import KeptVATokens
from domain.va_token_use import TokenPurpose
from domain.va_tokens import VATokens
from domain.visitor import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class UseVATokenCommand:
    """A back end's request to act for a Veteran.

    Attributes:
        user_id, session_id: The Veteran's session, which may have ended.
        client_id: The authenticated client.
        scopes: What the token must cover. If empty, any granted scope will do.
    """

    user_id: UserId
    session_id: SessionId
    client_id: str
    purpose: TokenPurpose
    scopes: frozenset[str]
    visitor: Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class UsableVAToken:
    """VA's access token.

    Attributes:
        scope: All scopes that it covers, separated by spaces. May be more than requested.
        expires_at: First instant (UTC) at which it is no longer valid.
    """

    access_token: Secret
    scope: str
    expires_at: datetime


class _RefusedError(Exception):
    """The use is refused, with ``reason`` for the audit trail and ``error`` for the caller."""

    def __init__(self, reason: str, error: ApplicationError) -> None:
        super().__init__(reason)
        self.reason = reason
        self.error = error


@final
class UseVAToken:
    """Returns the access token, once the audit event of its use is committed."""

    def __init__(
        self,
        *,
        unit_of_work: UnitOfWorkFactory,
        sealing: TokenSealing,
        refresher: VATokenRefresher,
        clock: Clock,
        min_validity: timedelta,
        issuer: str,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._sealing = sealing
        self._refresher = refresher
        self._clock = clock
        self._min_validity = min_validity
        self._issuer = issuer

    async def execute(self, command: UseVATokenCommand) -> UsableVAToken:
        """Returns the user's access token, refreshed first if it is about to expire.

        It is valid for at least ``min_validity``, unless VA can't issue such a token at present.
        The transaction that records the use checks the session again, so a revocation that was
        committed before it takes effect.

        Raises:
            SessionEndedError: The session doesn't stand anymore.
            VASignInNeededError: There are no tokens, or they can't be used or refreshed.
            VAScopeNotGrantedError: The tokens don't cover the requested scopes.
            ProviderUnavailableError: They have expired, and VA can't issue new ones at present.
            UnavailableError: Storage did not answer. No use was recorded.
        """
        may_refresh = True
        while True:
            found = await self._look(command, may_refresh=may_refresh)
            if isinstance(found, UsableVAToken):
                return found
            await self._refresher.refresh(found)
            may_refresh = False

    async def _look(
        self, command: UseVATokenCommand, *, may_refresh: bool
    ) -> UsableVAToken | DueRefresh:
        """Returns the token and records its use, or returns what must be refreshed first."""
        async with self._unit_of_work() as work:
            try:
                found = await self._found(work, command, may_refresh=may_refresh)
            except _RefusedError as refused:
                asked_for = " ".join(sorted(command.scopes))
                await work.audit.append(
                    self._event(
                        AuditEventType.VA_TOKEN_USE_REFUSED,
                        command,
                        scope=asked_for,
                        reason=refused.reason,
                    )
                )
                await work.commit()
                raise refused.error from None
            if isinstance(found, UsableVAToken):
                event = self._event(AuditEventType.VA_TOKEN_USED, command, scope=found.scope)
                await work.audit.append(event)
                await work.commit()
        return found

    async def _found(
        self, work: UnitOfWork, command: UseVATokenCommand, *, may_refresh: bool
    ) -> UsableVAToken | DueRefresh:
        now = self._clock.now()
        user = await self._user(work, command, now)
        kept = await work.va_token_refreshes.find(user.id)
        if kept is None:
            raise _RefusedError("no_tokens", VASignInNeededError())
        if kept.state.needs_sign_in_at is not None:
            raise _RefusedError("sign_in_needed", VASignInNeededError())
        tokens = await self._opened(work, kept)
        if not command.scopes <= set(tokens.scope.split()):
            raise _RefusedError("scope_not_granted", VAScopeNotGrantedError())
        is_short = tokens.expires_at < now + self._min_validity
        if is_short and may_refresh and not kept.state.is_put_off(now):
            return self._due(user, kept, tokens)
        # A token that expires soon is better than none while VA can't be asked.
        if tokens.expires_at <= now:
            unavailable = ProviderUnavailableError(retry_after=kept.retry_after(now))
            raise _RefusedError(unavailable.code, unavailable)
        return UsableVAToken(
            access_token=tokens.access_token, scope=tokens.scope, expires_at=tokens.expires_at
        )

    async def _user(self, work: UnitOfWork, command: UseVATokenCommand, now: datetime) -> User:
        # Everything that ends sessions locks the same rows.
        user = await work.users.lock(command.user_id)
        stored = await work.sessions.lock(command.user_id, command.session_id)
        if user is None or not user.is_active or stored is None or not stored.is_active(now):
            raise _RefusedError("session_ended", SessionEndedError())
        return user

    async def _opened(self, work: UnitOfWork, kept: KeptVATokens) -> VATokens:
        wrapped = await work.data_keys.find(kept.sealed.user_id)
        tokens = await readable(self._sealing.unsealed(kept.sealed, wrapped))
        if tokens is None:
            raise _RefusedError("unreadable", VASignInNeededError())
        return tokens

    def _due(self, user: User, kept: KeptVATokens, tokens: VATokens) -> DueRefresh:
        if tokens.refresh_token is None:
            raise _RefusedError("no_refresh_token", VASignInNeededError())
        if kept.state.account is None:
            # It would be impossible to verify that VA's answer is about the same account.
            raise _RefusedError("account_unknown", VASignInNeededError())
        if kept.state.account.issuer != self._issuer:
            # The tokens work again if the operator configures that provider again.
            raise _RefusedError("issuer_changed", VASignInNeededError())
        return DueRefresh(
            user_id=user.id,
            icn=user.icn,
            generation=kept.state.generation,
            account=kept.state.account,
            refresh_token=tokens.refresh_token,
            scope=tokens.scope,
        )

    def _event(self, type_: AuditEventType, command: UseVATokenCommand, **data: str) -> AuditEvent:
        return AuditEvent.of_session(
            type_,
            command.user_id,
            command.session_id,
            visitor=command.visitor,
            now=self._clock.now(),
            client=command.client_id,
            purpose=command.purpose.value,
            **data,
        )
