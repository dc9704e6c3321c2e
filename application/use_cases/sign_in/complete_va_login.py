"""Use case: complete a sign-in with VA's callback."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import final

from application.errors import (
    ApplicationError,
    AttemptSupersededError,
    MisconfiguredError,
    ProviderBusyError,
    ProviderUnavailableError,
    TooManyLoginsError,
    UnauthenticatedError,
    UnavailableError,
    UpstreamRejectedError,
)
from application.front_end_roster import FrontEndRoster
from application.ports.clock import Clock
from application.ports.identity_provider import (
    CallbackParameters,
    IdentityProvider,
    ProviderCallback,
    ProviderSignIn,
)
from application.ports.login_attempts import LoginAttempts
from application.ports.secret_source import SecretSource
from application.ports.session_tokens import SessionTokens
from application.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from application.second_chances import (
    HeldToken,
    ReturningBrowser,
    SecondChances,
    VALoginRepeated,
    VALoginRestarted,
)
from application.sign_in_errors import (
    AnswerLostError,
    AttemptRefusedError,
    FrontEndGoneError,
    SignInFailedError,
    SignInMisconfiguredError,
    SignInPostponedError,
    SignInUncertainError,
)
from application.use_cases.sign_in.issue_session import IssueSession
from application.use_cases.sign_in.link_va_identity import LinkVAIdentity, LinkVAIdentityCommand
from domain.attempt_note import AttemptNote
from domain.audit_event import AuditEvent, AuditEventType
from domain.errors import UnknownFrontEndError
from domain.front_end import FrontEnd, SessionDelivery
from domain.handoff import Handoff, HandoffTicket
from domain.identifiers import SessionId, UserId
from domain.login_attempt import AttemptRefusal, LoginAttempt, LoginSecrets
from domain.return_path import ReturnPath
from domain.revocation import Revocation, RevokedBy
from domain.session_grant import SessionGrant
from domain.sign_in_failure import SignInFailure
from domain.visitor import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteVALoginCommand:
    """A callback, and the browser that sent it.

    Attributes:
        secrets: `state` and the browser's cookie, or None if either is missing or malformed.
        callback: The callback's parameters, unchecked.
        is_abandoned: Returns whether the browser has disconnected.
        held_token: Returns the JWT of the session that this browser has at a front end, or None.
            The session at the front end of the sign-in ends.
        note: The browser's note of the attempt, or None if it has none.
        unanswered: The hashes of the secrets of the browser's other attempts. An answer would have
            taken the secret away, so the browser got none.
    """

    secrets: LoginSecrets | None
    callback: CallbackParameters
    visitor: Visitor
    is_abandoned: Callable[[], Awaitable[bool]]
    held_token: HeldToken = lambda _front_end: None
    note: AttemptNote | None = None
    unanswered: frozenset[bytes] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class VALoginCompleted:
    """The session that was opened, and where the user goes with it.

    Attributes:
        ticket: The hand-over code of the session, or None if the delivery uses none.
    """

    grant: SessionGrant
    return_to: ReturnPath | None
    front_end: FrontEnd
    ticket: HandoffTicket | None


#: How a callback can end without an error.
VALoginOutcome = VALoginCompleted | VALoginRepeated | VALoginRestarted


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
        second_chances: SecondChances,
        tokens: SessionTokens,
        secrets: SecretSource,
        clock: Clock,
        front_ends: FrontEndRoster,
    ) -> None:
        self._attempts = attempts
        self._provider = provider
        self._unit_of_work = unit_of_work
        self._link_va_identity = link_va_identity
        self._issue_session = issue_session
        self._second_chances = second_chances
        self._tokens = tokens
        self._secrets = secrets
        self._clock = clock
        self._front_ends = front_ends

    async def execute(self, command: CompleteVALoginCommand) -> VALoginOutcome:
        """Opens a session for the Veteran whom VA identifies.

        If the attempt can't be completed, the browser that began it gets a second chance: the
        session that it has, or else one restart of the sign-in.

        Raises:
            SignInFailedError: No session was opened, and the audit trail records why.
            SignInMisconfiguredError: No sign-in can succeed until the operator changes a setting.
            SignInPostponedError: Too many sign-ins are in progress at VA. The attempt was not
                consumed, so the same callback can come again.
            SignInUncertainError: Storage did not answer, so the audit trail records nothing. If a
                session was opened nevertheless, the browser's next sign-in ends it.
            AnswerLostError: The browser left after its session was opened. The session was ended.
        """
        progress = _Progress()
        try:
            return await self._complete_or_start_again(command, progress)
        except AnswerLostError:
            raise
        except ApplicationError as error:
            failed = _as_failure(error)
            progress.lead_back(failed, command.note)
            await self._record(failed, command.visitor)
            if failed is error:
                raise
            raise failed from error

    async def _complete_or_start_again(
        self, command: CompleteVALoginCommand, progress: "_Progress"
    ) -> VALoginOutcome:
        callback = self._provider.read_callback(command.callback)
        try:
            return await self._complete(command, callback, progress)
        except AttemptRefusedError as refused:
            browser = ReturningBrowser(
                secrets=command.secrets,
                note=command.note,
                token=command.held_token,
                visitor=command.visitor,
            )
            return await self._second_chances.give(browser, refused)

    async def _complete(
        self, command: CompleteVALoginCommand, callback: ProviderCallback, progress: "_Progress"
    ) -> VALoginCompleted:
        if command.secrets is None:
            raise AttemptRefusedError("state_or_cookie_missing")
        # Waiting for room comes first: the attempt can be consumed only once.
        async with self._provider.room_for_sign_in():
            attempt = await self._consume(command.secrets)
            progress.attempt = attempt
            front_end = await self._front_end_of(attempt)
            signed_in = await self._provider.sign_in(callback, command.secrets)
        if await command.is_abandoned():
            raise SignInFailedError(SignInFailure.LOGIN_EXPIRED, "browser_gone")
        ticket = self._ticket(command.secrets, attempt, front_end)
        try:
            grant = await self._write(signed_in, attempt, command, front_end, ticket)
        except AttemptSupersededError as error:
            raise AttemptRefusedError("superseded") from error
        if await command.is_abandoned():
            await self._end_unclaimed(grant, command.visitor)
            raise AnswerLostError
        return VALoginCompleted(
            grant=grant, return_to=attempt.return_to, front_end=front_end, ticket=ticket
        )

    async def _front_end_of(self, attempt: LoginAttempt) -> FrontEnd:
        try:
            return await self._front_ends.find(attempt.front_end)
        except UnknownFrontEndError as error:
            raise FrontEndGoneError(attempt.front_end) from error

    def _ticket(
        self, secrets: LoginSecrets, attempt: LoginAttempt, front_end: FrontEnd
    ) -> HandoffTicket | None:
        if front_end.delivery is not SessionDelivery.CODE:
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
        if outcome is AttemptRefusal.OTHER_BROWSER:
            raise SignInFailedError(SignInFailure.LOGIN_EXPIRED, outcome.value)
        if isinstance(outcome, AttemptRefusal):
            raise AttemptRefusedError(outcome.value)
        return outcome

    async def _write(
        self,
        signed_in: ProviderSignIn,
        attempt: LoginAttempt,
        command: CompleteVALoginCommand,
        front_end: FrontEnd,
        ticket: HandoffTicket | None,
    ) -> SessionGrant:
        visitor = command.visitor
        link = LinkVAIdentityCommand(
            identity=signed_in.identity, tokens=signed_in.tokens, visitor=visitor
        )
        async with self._unit_of_work() as work:
            await _hold(work, front_end)
            user = await self._link_va_identity.join(work, link)
            await self._end_replaced(work, command, front_end)
            await self._end_unanswered(work, attempt, command)
            grant = await self._issue_session.join(
                work, user, visitor, front_end, opened_by=attempt.state_hash
            )
            if ticket is not None:
                handoff = Handoff.of(
                    ticket, user_id=user.id, session_id=grant.session.id, now=self._clock.now()
                )
                await work.handoffs.add(handoff)
            await work.commit()
        return grant

    async def _end_replaced(
        self, work: UnitOfWork, command: CompleteVALoginCommand, front_end: FrontEnd
    ) -> None:
        """Ends the session that the browser had before at this front end."""
        token = command.held_token(front_end)
        if token is None:
            return
        try:
            old = self._tokens.verify(token.reveal(), now=self._clock.now())
        except UnauthenticatedError:
            return
        ended = (old.user_id, old.session_id)
        await self._end(work, ended, visitor=command.visitor, reason="replaced_by_login")

    async def _end_unanswered(
        self, work: UnitOfWork, attempt: LoginAttempt, command: CompleteVALoginCommand
    ) -> None:
        """Ends the sessions that this browser's earlier callbacks opened without its knowledge.

        An attempt that was used before this one began has had the time of a whole sign-in to get
        its answer through. One that is used at the same time, in another tab, isn't touched.
        """
        if not command.unanswered:
            return
        lost = await work.attempt_outcomes.supersede(
            command.unanswered, by=attempt, now=self._clock.now()
        )
        for session in lost:
            await self._end(work, session, visitor=command.visitor, reason="answer_lost")

    async def _end_unclaimed(self, grant: SessionGrant, visitor: Visitor) -> None:
        """Ends the session of a browser that left while it was opened."""
        session = (grant.session.user_id, grant.session.id)
        # If storage doesn't answer, the browser's next sign-in or the idle limit ends it.
        with suppress(UnavailableError):
            async with self._unit_of_work() as work:
                await self._end(work, session, visitor=visitor, reason="answer_lost")
                await work.commit()

    async def _end(
        self, work: UnitOfWork, session: tuple[UserId, SessionId], *, visitor: Visitor, reason: str
    ) -> None:
        user_id, session_id = session
        now = self._clock.now()
        revocation = Revocation(at=now, by=RevokedBy.USER, reason=reason)
        if await work.sessions.revoke(user_id, session_id, revocation):
            event = AuditEvent.of_session(
                AuditEventType.SESSION_REVOKED,
                user_id,
                session_id,
                visitor=visitor,
                now=now,
                reason=reason,
            )
            await work.audit.append(event)

    async def _record(self, failed: SignInFailedError, visitor: Visitor) -> None:
        event = AuditEvent.login_failed(
            failed.failure,
            reason=failed.reason,
            visitor=visitor,
            now=self._clock.now(),
            user_id=failed.user_id,
            front_end=failed.recorded_front_end,
            **failed.details,
        )
        try:
            async with self._unit_of_work() as work:
                await work.audit.append(event)
                await work.commit()
        except UnavailableError as unavailable:
            if isinstance(failed, SignInPostponedError):
                # A postponed callback can still come again.
                failure = SignInFailure.SERVICE_UNAVAILABLE
                uncertain: SignInFailedError = SignInPostponedError(failure, "storage_unavailable")
            else:
                uncertain = SignInUncertainError()
            uncertain.return_to, uncertain.front_end = failed.return_to, failed.front_end
            raise uncertain from unavailable


@dataclass(slots=True)
class _Progress:
    """What is known of the attempt once it was consumed."""

    attempt: LoginAttempt | None = None

    def lead_back(self, failed: SignInFailedError, note: AttemptNote | None) -> None:
        """Let the failure end where the sign-in started. A front end that is gone gets nobody."""
        if isinstance(failed, FrontEndGoneError):
            return
        known = self.attempt or note
        if known is not None:
            failed.return_to = failed.return_to or known.return_to
            failed.front_end = known.front_end


async def _hold(work: UnitOfWork, front_end: FrontEnd) -> None:
    """Make sure that the front end is enabled, and stays so until the session is opened."""
    if front_end.is_of_settings:
        return
    held = await work.front_ends.hold(front_end.id)
    if held is None or not held.is_enabled:
        raise FrontEndGoneError(front_end.id)


def _as_failure(error: ApplicationError) -> SignInFailedError:
    match error:
        case SignInFailedError():
            failed = error
        case MisconfiguredError():
            failed = SignInMisconfiguredError(SignInFailure.SERVICE_UNAVAILABLE, error.reason)
        case UpstreamRejectedError():
            failed = SignInFailedError(SignInFailure.TOKEN_EXCHANGE_FAILED, error.reason)
        case TooManyLoginsError():
            failed = SignInFailedError(SignInFailure.TOO_MANY_LOGINS, "restart_limited")
        case ProviderBusyError():
            failed = SignInPostponedError(SignInFailure.PROVIDER_UNAVAILABLE, "provider_busy")
        case ProviderUnavailableError():
            failed = SignInFailedError(SignInFailure.PROVIDER_UNAVAILABLE, "provider_unavailable")
        case UnavailableError():
            failed = SignInUncertainError()
        case _:
            failed = SignInFailedError(SignInFailure.SERVICE_UNAVAILABLE, error.code)
    return failed
