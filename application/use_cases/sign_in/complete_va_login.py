"""Use case: complete a sign-in with VA's callback."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, final

from application.errors import (
    MisconfiguredError,
    ProviderBusyError,
    ProviderUnavailableError,
    SignInFailedError,
    SignInMisconfiguredError,
    SignInPostponedError,
    UnauthenticatedError,
    UnavailableError,
    UpstreamRejectedError,
)
from application.ports.clock import Clock
from application.ports.identity_provider import (
    CallbackParameters,
    IdentityProvider,
    ProviderSignIn,
)
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

_OUT_OF_SERVICE: Final = (SignInFailure.SERVICE_UNAVAILABLE, "storage_unavailable")


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteVALoginCommand:
    """A callback, and the browser that sent it.

    Attributes:
        secrets: `state` and the browser's cookie, or None if either is missing or malformed.
        callback: The callback's parameters, unchecked.
        is_abandoned: Returns whether the browser has disconnected.
        replaced_token: The JWT of the session that this browser had before, or None. That
            session ends.
    """

    secrets: LoginSecrets | None
    callback: CallbackParameters
    visitor: Visitor
    is_abandoned: Callable[[], Awaitable[bool]]
    replaced_token: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VALoginCompleted:
    """The session that was opened, and the user's return path.

    Attributes:
        ticket: The hand-over code of the session, or None if the delivery uses none.
    """

    grant: SessionGrant
    return_to: ReturnPath | None
    ticket: HandoffTicket | None


@final
class CompleteVALogin:
    """Consumes the attempt, signs in at VA, and then writes everything in one transaction."""

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
        """Opens a session for the Veteran whom VA identifies.

        Raises:
            SignInFailedError: No session was opened, and the audit trail records why. If storage
                did not answer, the failure says so, and the audit trail records nothing.
            SignInMisconfiguredError: No sign-in can succeed until the operator changes a setting.
            SignInPostponedError: Too many sign-ins are in progress at VA. The attempt was not
                consumed, so the same callback can come again.
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
        callback = self._provider.read_callback(command.callback)
        if command.secrets is None:
            raise SignInFailedError(SignInFailure.LOGIN_EXPIRED, "state_or_cookie_missing")
        # Waiting for room comes first: the attempt can be consumed only once.
        async with self._provider.room_for_sign_in():
            attempt = await self._consume(command.secrets)
            signed_in = await self._provider.sign_in(callback, command.secrets)
        if await command.is_abandoned():
            raise SignInFailedError(SignInFailure.LOGIN_EXPIRED, "browser_gone")
        ticket = self._ticket(command.secrets, attempt)
        grant = await self._write(signed_in, command, ticket)
        return VALoginCompleted(grant=grant, return_to=attempt.return_to, ticket=ticket)

    def _ticket(self, secrets: LoginSecrets, attempt: LoginAttempt) -> HandoffTicket | None:
        if not self._hands_over_by_code:
            return None
        return HandoffTicket(
            code=self._secrets.token(),
            browser=secrets.browser,
            app_challenge=attempt.app_challenge,
        )

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
        """Ends the session that the browser had before."""
        if command.replaced_token is None:
            return
        now = self._clock.now()
        try:
            old = self._tokens.verify(command.replaced_token.reveal(), now=now)
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
            **failed.details,
        )
        try:
            async with self._unit_of_work() as work:
                await work.audit.append(event)
                await work.commit()
        except UnavailableError as unavailable:
            # A postponed callback can still come again.
            is_postponed = isinstance(failed, SignInPostponedError)
            outcome = SignInPostponedError if is_postponed else SignInFailedError
            raise outcome(*_OUT_OF_SERVICE) from unavailable


def _as_failure(
    error: SignInFailedError | UpstreamRejectedError | UnavailableError,
) -> SignInFailedError:
    if isinstance(error, SignInFailedError):
        return error
    if isinstance(error, MisconfiguredError):
        return SignInMisconfiguredError(SignInFailure.SERVICE_UNAVAILABLE, error.reason)
    if isinstance(error, UpstreamRejectedError):
        return SignInFailedError(SignInFailure.TOKEN_EXCHANGE_FAILED, error.reason)
    if isinstance(error, ProviderBusyError):
        return SignInPostponedError(SignInFailure.PROVIDER_UNAVAILABLE, "provider_busy")
    if isinstance(error, ProviderUnavailableError):
        return SignInFailedError(SignInFailure.PROVIDER_UNAVAILABLE, "provider_unavailable")
    return SignInFailedError(*_OUT_OF_SERVICE)
