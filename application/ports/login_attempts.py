"""Port: sign-ins on their way."""

from abc import abstractmethod
from datetime import datetime
from typing import Protocol

from domain.audit_event import AuditEvent
from domain.login_attempt import AttemptRefusal, LoginAttempt


class LoginAttempts(Protocol):
    """Attempts to sign in. Each call stands for itself and is durable when it returns."""

    @abstractmethod
    async def add(self, attempt: LoginAttempt, event: AuditEvent) -> None:
        """Keep a new attempt and what the audit says of it, and let go of some that have ended.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def consume(
        self, *, state_hash: bytes, browser_hash: bytes, now: datetime
    ) -> LoginAttempt | AttemptRefusal:
        """Take an attempt, once: of any number of racing calls one gets it.

        A refusal changes nothing, so another browser cannot spoil the attempt.

        Raises:
            UnavailableError: The store did not answer.
        """
