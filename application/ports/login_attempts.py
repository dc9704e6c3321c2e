"""Port: sign-in attempts."""

from abc import abstractmethod
from datetime import datetime
from typing import Protocol

from domain.audit_event import AuditEvent
from domain.login_attempt import AttemptRefusal, LoginAttempt


class LoginAttempts(Protocol):
    """Attempts to sign in. Each call is its own transaction, committed when it returns."""

    @abstractmethod
    async def add(self, attempt: LoginAttempt, event: AuditEvent) -> None:
        """Stores a new attempt and its audit event, and removes some that ended long ago.

        Attempts are kept for ``ATTEMPT_KEPT_FOR`` after their end.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def consume(
        self, *, state_hash: bytes, browser_hash: bytes, now: datetime
    ) -> LoginAttempt | AttemptRefusal:
        """Consumes an attempt. Of several concurrent calls, one gets it.

        A refusal changes nothing, so another browser can't use up the attempt.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def find(self, *, state_hash: bytes, browser_hash: bytes) -> LoginAttempt | None:
        """Returns an attempt of this browser, whatever its state, or None.

        Raises:
            UnavailableError: The store did not answer.
        """
