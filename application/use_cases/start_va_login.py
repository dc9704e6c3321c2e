"""Use case: send a browser to VA."""

from dataclasses import dataclass, field
from typing import final

from application.ports.clock import Clock
from application.ports.identity_provider import IdentityProvider
from application.ports.login_attempts import LoginAttempts
from application.ports.secret_source import SecretSource
from domain.audit_event import AuditEvent
from domain.login_attempt import LoginAttempt, LoginSecrets
from domain.return_path import ReturnPath
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
        secrets: SecretSource,
        clock: Clock,
    ) -> None:
        self._provider = provider
        self._attempts = attempts
        self._secrets = secrets
        self._clock = clock

    async def execute(self, command: StartVALoginCommand) -> VALoginStarted:
        """Remember the attempt, on record, and say where to go.

        Raises:
            ProviderUnavailableError: VA's metadata could not be had; nothing was kept.
            UnavailableError: Storage did not answer.
        """
        secrets = LoginSecrets(state=self._secrets.token(), browser=self._secrets.token())
        url = await self._provider.authorization_url(secrets)
        now = self._clock.now()
        attempt = LoginAttempt.begin(secrets, return_to=command.return_to, now=now)
        event = AuditEvent.login_started(visitor=command.visitor, now=now)
        await self._attempts.add(attempt, event)
        return VALoginStarted(authorization_url=url, secrets=secrets, attempt=attempt)
