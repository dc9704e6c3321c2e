"""Use case: start a sign-in at VA."""

from dataclasses import dataclass, field
from typing import final

from application.errors import ProviderUnavailableError
from application.ports.clock import Clock
from application.ports.identity_provider import IdentityProvider
from application.ports.login_attempts import LoginAttempts
from application.ports.secret_source import SecretSource
from application.ports.unit_of_work import UnitOfWorkFactory
from domain.app_challenge import AppChallenge
from domain.audit_event import AuditEvent
from domain.login_attempt import LoginAttempt, LoginSecrets
from domain.return_path import ReturnPath
from domain.sign_in_failure import SignInFailure
from domain.visitor import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class StartVALoginCommand:
    """The visitor who wants to sign in, and the return path, if there is one.

    Attributes:
        app_challenge: The challenge of the app that will redeem the hand-over code, or None.
    """

    visitor: Visitor
    return_to: ReturnPath | None = None
    app_challenge: AppChallenge | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VALoginStarted:
    """The URL to send the browser to, and the secrets that it must bring back."""

    authorization_url: str = field(repr=False)
    secrets: LoginSecrets
    attempt: LoginAttempt


@final
class StartVALogin:
    """Starts an attempt that is bound to one browser."""

    def __init__(
        self,
        *,
        provider: IdentityProvider,
        attempts: LoginAttempts,
        unit_of_work: UnitOfWorkFactory,
        secrets: SecretSource,
        clock: Clock,
    ) -> None:
        self._provider = provider
        self._attempts = attempts
        self._unit_of_work = unit_of_work
        self._secrets = secrets
        self._clock = clock

    async def execute(self, command: StartVALoginCommand) -> VALoginStarted:
        """Stores the attempt with its audit event, and returns where to send the browser.

        Raises:
            ProviderUnavailableError: VA's metadata could not be fetched, or too many sign-ins are
                in progress. Only the audit trail records it: there is no attempt.
            UnavailableError: Storage did not answer.
        """
        secrets = LoginSecrets(state=self._secrets.token(), browser=self._secrets.token())
        try:
            url = await self._provider.authorization_url(secrets)
        except ProviderUnavailableError:
            await self._record_failure(command.visitor)
            raise
        now = self._clock.now()
        attempt = LoginAttempt.begin(
            secrets, return_to=command.return_to, app_challenge=command.app_challenge, now=now
        )
        event = AuditEvent.login_started(visitor=command.visitor, now=now)
        await self._attempts.add(attempt, event)
        return VALoginStarted(authorization_url=url, secrets=secrets, attempt=attempt)

    async def _record_failure(self, visitor: Visitor) -> None:
        event = AuditEvent.login_failed(
            SignInFailure.PROVIDER_UNAVAILABLE,
            reason="not_started",
            visitor=visitor,
            now=self._clock.now(),
        )
        async with self._unit_of_work() as work:
            await work.audit.append(event)
            await work.commit()
