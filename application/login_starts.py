"""Starts attempts to sign in: for a person, or to give a browser a second chance."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import final

from application.errors import TooManyLoginsError
from application.ports.clock import Clock
from application.ports.identity_provider import IdentityProvider
from application.ports.login_attempts import LoginAttempts
from application.ports.refusal_limit import RefusalLimit
from application.ports.secret_source import SecretSource
from domain.app_challenge import AppChallenge
from domain.audit_event import AuditEvent
from domain.front_end import FrontEnd
from domain.login_attempt import LoginAttempt, LoginSecrets
from domain.return_path import ReturnPath
from domain.visitor import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class VALoginStarted:
    """The URL to send the browser to, and the secrets that it must bring back."""

    authorization_url: str = field(repr=False)
    secrets: LoginSecrets
    attempt: LoginAttempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """Why the service starts an attempt by itself.

    Attributes:
        reason: Our own code for the audit trail.
        replaces: The state's hash of the attempt that can't be completed, or None if the browser
            no longer has its secret.
    """

    reason: str
    replaces: bytes | None


@final
class LoginStarts:
    """Starts an attempt that is bound to one browser."""

    def __init__(
        self,
        *,
        provider: IdentityProvider,
        attempts: LoginAttempts,
        limit: RefusalLimit,
        secrets: SecretSource,
        clock: Clock,
        lifetime: timedelta,
    ) -> None:
        self._provider = provider
        self._attempts = attempts
        self._limit = limit
        self._secrets = secrets
        self._clock = clock
        self._lifetime = lifetime

    async def start(
        self,
        *,
        visitor: Visitor,
        return_to: ReturnPath | None,
        front_end: FrontEnd,
        restart: Restart | None = None,
        app_challenge: AppChallenge | None = None,
    ) -> VALoginStarted:
        """Stores the attempt with its audit event, and returns where to send the browser.

        Raises:
            TooManyLoginsError: The visitor's address started too many.
            ProviderUnavailableError: VA's metadata could not be fetched, or too many sign-ins are
                in progress.
            UnavailableError: Storage did not answer.
        """
        if not self._limit.allows(visitor.address_hash):
            raise TooManyLoginsError
        secrets = LoginSecrets(state=self._secrets.token(), browser=self._secrets.token())
        url = await self._provider.authorization_url(secrets)
        now = self._clock.now()
        attempt = LoginAttempt.begin(
            secrets,
            return_to=return_to,
            now=now,
            lifetime=self._lifetime,
            is_restart=restart is not None,
            replaces=None if restart is None else restart.replaces,
            app_challenge=app_challenge,
            front_end=front_end.id,
        )
        event = AuditEvent.login_started(visitor=visitor, now=now, front_end=front_end.id)
        if restart is not None:
            event = AuditEvent.login_restarted(
                reason=restart.reason, visitor=visitor, now=now, front_end=front_end.id
            )
        await self._attempts.add(attempt, event)
        return VALoginStarted(authorization_url=url, secrets=secrets, attempt=attempt)
