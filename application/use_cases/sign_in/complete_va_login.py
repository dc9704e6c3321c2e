"""Use case: take VA's answer and open a session, or say why not."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import final

from application.errors import (
    ProviderBusyError,
    ProviderUnavailableError,
    SignInFailedError,
    SignInPostponedError,
    UnauthenticatedError,
    UnavailableError,
    UpstreamRejectedError,
)
from application.ports.clock import Clock
from application.ports.identity_provider import IdentityProvider, ProviderSignIn
from application.ports.login_attempts import LoginAttempts
from application.ports.secret_source import SecretSource
from application.ports.session_tokens import SessionTokens
from application.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from application.use_cases.sign_in.issue_session import IssueSession
from application.use_cases.sign_in.link_va_identity import LinkVAIdentity, LinkVAIdentityCommand
from domain.audit_event import AuditEvent, AuditEventType
from domain.handoff import Handoff, HandoffTicket
from domain.login_attempt import AttemptRefusal, LoginAttempt, LoginSecrets
from domain.return_path import ReturnPath
from domain.revocation import Revocation, RevokedBy
from domain.secret import Secret
from domain.session_grant import SessionGrant
from domain.sign_in_failure import SignInFailure
from domain.visitor import Visitor

#: What VA may say at the callback that is the Veteran's own decision (RFC 6749, 4.1.2.1).
_DENIED = "access_denied"
#: What VA may say that means: not now.
_NOT_NOW = frozenset({"temporarily_unavailable", "server_error"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteVALoginCommand:
    """What the callback brought.

    Attributes:
        secrets: `state` and the browser's cookie; None when either is missing or malformed.
        code: VA's authorization code; None when missing.
        provider_error: VA's error code; None when VA reported none.
        issuer: The callback's `iss`, or None.
        is_wellformed: False when a parameter stands twice or holds what no VA would send.
        is_abandoned: Asks whether the browser has gone meanwhile.
        replaced_token: The token of the session that this browser had before; None when it
            had none. That session ends.
    """

    secrets: LoginSecrets | None
    code: Secret | None
    provider_error: str | None
    issuer: str | None
    is_wellformed: bool
    visitor: Visitor
    is_abandoned: Callable[[], Awaitable[bool]]
    replaced_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class VALoginCompleted:
    """The session that was opened, and where its user wanted to go.

    Attributes:
        ticket: What the session is handed over by, where that is a one-time code.
    """

    grant: SessionGrant
    return_to: ReturnPath | None
    ticket: HandoffTicket | None


@final
class CompleteVALogin:
    """The whole callback: consume the attempt, hear VA, then write everything at once."""

    def __init__(
        self,
        *,
        attempts: LoginAttempts,
        provider: IdentityProvider,
        unit_of_work: UnitOfWorkFactory,
        link_va_identity: LinkVAIdentity,
        issue_session: IssueSession,
        tokens: SessionTokens,
        secrets: SecretSource,
        clock: Clock,
        hands_over_by_code: bool,
    ) -> None:
        self._attempts = attempts
        self._provider = provider
        self._unit_of_work = unit_of_work
        self._link_va_identity = link_va_identity
        self._issue_session = issue_session
        self._tokens = tokens
        self._secrets = secrets
        self._clock = clock
        self._hands_over_by_code = hands_over_by_code

    async def execute(self, command: CompleteVALoginCommand) -> VALoginCompleted:
        """Open a session for the Veteran VA vouches for.

        Raises:
            SignInFailedError: There is none, and the audit says why. When the store does
                not answer there can be no audit either; the failure then says so.
            SignInPostponedError: Too many sign-ins are in progress at VA. The attempt was not
                used, so the same callback can come again.
        """
        try:
            return await self._complete(command)
        except (SignInFailedError, UpstreamRejectedError, UnavailableError) as error:
            failed = _as_failure(error)
            await self._record(failed, command.visitor)
            if failed is error:
                raise
            raise failed from error

    async def _complete(self, command: CompleteVALoginCommand) -> VALoginCompleted:
        if not command.is_wellformed:
            raise SignInFailedError(SignInFailure.LOGIN_EXPIRED, "malformed_callback")
        if command.secrets is None:
            raise SignInFailedError(SignInFailure.LOGIN_EXPIRED, "state_or_cookie_missing")
        # Nobody waits for VA with an attempt that is already used.
        async with self._provider.room_for_sign_in():
            attempt = await self._consume(command.secrets)
            await self._provider.check_callback_issuer(command.issuer)
            code = _code_of(command)
            signed_in = await self._provider.sign_in(code, command.secrets)
        if await command.is_abandoned():
            raise SignInFailedError(SignInFailure.LOGIN_EXPIRED, "browser_gone")
        ticket = self._ticket(command.secrets)
        grant = await self._write(signed_in, command, ticket)
        return VALoginCompleted(grant=grant, return_to=attempt.return_to, ticket=ticket)

    def _ticket(self, secrets: LoginSecrets) -> HandoffTicket | None:
        if not self._hands_over_by_code:
            return None
        return HandoffTicket(code=self._secrets.token(), browser=secrets.browser)

    async def _consume(self, secrets: LoginSecrets) -> LoginAttempt:
        outcome = await self._attempts.consume(
            state_hash=secrets.state_hash,
            browser_hash=secrets.browser_hash,
            now=self._clock.now(),
        )
        if isinstance(outcome, AttemptRefusal):
            raise SignInFailedError(SignInFailure.LOGIN_EXPIRED, outcome.value)
        return outcome

    async def _write(
        self,
        signed_in: ProviderSignIn,
        command: CompleteVALoginCommand,
        ticket: HandoffTicket | None,
    ) -> SessionGrant:
        visitor = command.visitor
        link = LinkVAIdentityCommand(
            identity=signed_in.identity, tokens=signed_in.tokens, visitor=visitor
        )
        async with self._unit_of_work() as work:
            user = await self._link_va_identity.join(work, link)
            await self._end_replaced(work, command)
            grant = await self._issue_session.join(work, user, visitor)
            if ticket is not None:
                handoff = Handoff.of(
                    ticket, user_id=user.id, session_id=grant.session.id, now=self._clock.now()
                )
                await work.handoffs.add(handoff)
            await work.commit()
        return grant

    async def _end_replaced(self, work: UnitOfWork, command: CompleteVALoginCommand) -> None:
        """End the session that the browser brought along: a new sign-in replaces it."""
        if command.replaced_token is None:
            return
        now = self._clock.now()
        try:
            old = self._tokens.verify(command.replaced_token, now=now)
        except UnauthenticatedError:
            return
        revocation = Revocation(at=now, by=RevokedBy.USER, reason="replaced_by_login")
        if await work.sessions.revoke(old.user_id, old.session_id, revocation):
            event = AuditEvent.of_session(
                AuditEventType.SESSION_REVOKED,
                old.user_id,
                old.session_id,
                visitor=command.visitor,
                now=now,
                reason=revocation.reason,
            )
            await work.audit.append(event)

    async def _record(self, failed: SignInFailedError, visitor: Visitor) -> None:
        event = AuditEvent.login_failed(
            failed.failure,
            reason=failed.reason,
            visitor=visitor,
            now=self._clock.now(),
            user_id=failed.user_id,
        )
        try:
            async with self._unit_of_work() as work:
                await work.audit.append(event)
                await work.commit()
        except UnavailableError as unavailable:
            ours = _out_of_service()
            if isinstance(failed, SignInPostponedError):
                ours = SignInPostponedError(ours.failure, ours.reason)
            raise ours from unavailable


def _code_of(command: CompleteVALoginCommand) -> Secret:
    if command.provider_error is not None and command.code is not None:
        raise UpstreamRejectedError("code_and_error")
    if command.provider_error == _DENIED:
        raise SignInFailedError(SignInFailure.ACCESS_DENIED, "denied_at_provider")
    if command.provider_error in _NOT_NOW:
        raise ProviderUnavailableError
    if command.provider_error is not None:
        raise UpstreamRejectedError("provider_error")
    if command.code is None:
        raise UpstreamRejectedError("code_missing")
    return command.code


def _as_failure(
    error: SignInFailedError | UpstreamRejectedError | UnavailableError,
) -> SignInFailedError:
    if isinstance(error, SignInFailedError):
        return error
    if isinstance(error, UpstreamRejectedError):
        return SignInFailedError(error.failure, error.reason, user_id=error.user_id)
    if isinstance(error, ProviderBusyError):
        return SignInPostponedError(SignInFailure.PROVIDER_UNAVAILABLE, "provider_busy")
    if isinstance(error, ProviderUnavailableError):
        return SignInFailedError(SignInFailure.PROVIDER_UNAVAILABLE, "provider_unavailable")
    return _out_of_service()


def _out_of_service() -> SignInFailedError:
    return SignInFailedError(SignInFailure.SERVICE_UNAVAILABLE, "storage_unavailable")
