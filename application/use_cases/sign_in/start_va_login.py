"""Use case: send a browser to VA."""

from dataclasses import dataclass, field
from typing import final

from application.errors import ProviderUnavailableError
from application.ports.clock import Clock
from application.ports.identity_provider import IdentityProvider
from application.ports.login_attempts import LoginAttempts
from application.ports.secret_source import SecretSource
from application.ports.unit_of_work import UnitOfWorkFactory
from domain.audit_event import AuditEvent
from domain.login_attempt import LoginAttempt, LoginSecrets
from domain.return_path import ReturnPath
from domain.sign_in_failure import SignInFailure
from domain.visitor import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class StartVALoginCommand:
    """Who wants to sign in, and where to come back to, if anywhere in particular."""

    visitor: Visitor
    return_to: ReturnPath | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VALoginStarted:
    """Where to send the browser, and what it must bring back."""

    authorization_url: str = field(repr=False)
    secrets: LoginSecrets
    attempt: LoginAttempt


@final
class StartVALogin:
    """Opens an attempt bound to one browser."""

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
        """Remember the attempt, on record, and say where to go.

        Raises:
            ProviderUnavailableError: VA's metadata could not be had, or too many sign-ins are in
                progress there; the audit alone says so.
            UnavailableError: Storage did not answer.
        """
        secrets = LoginSecrets(state=self._secrets.token(), browser=self._secrets.token())
        try:
            url = await self._provider.authorization_url(secrets)
        except ProviderUnavailableError:
            await self._note_failure(command.visitor)
            raise
        now = self._clock.now()
        attempt = LoginAttempt.begin(secrets, return_to=command.return_to, now=now)
        event = AuditEvent.login_started(visitor=command.visitor, now=now)
        await self._attempts.add(attempt, event)
        return VALoginStarted(authorization_url=url, secrets=secrets, attempt=attempt)

    async def _note_failure(self, visitor: Visitor) -> None:
        event = AuditEvent.login_failed(
            SignInFailure.PROVIDER_UNAVAILABLE,
            reason="not_started",
            visitor=visitor,
            now=self._clock.now(),
        )
        async with self._unit_of_work() as work:
            await work.audit.append(event)
            await work.commit()
