"""Use case: start a sign-in at VA."""

from dataclasses import dataclass
from typing import final

from application.errors import ProviderUnavailableError
from application.login_starts import LoginStarts, VALoginStarted
from application.ports.clock import Clock
from application.ports.unit_of_work import UnitOfWorkFactory
from domain.app_challenge import AppChallenge
from domain.audit_event import AuditEvent
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


@final
class StartVALogin:
    """Starts an attempt that is bound to one browser."""

    def __init__(
        self, *, starts: LoginStarts, unit_of_work: UnitOfWorkFactory, clock: Clock
    ) -> None:
        self._starts = starts
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def execute(self, command: StartVALoginCommand) -> VALoginStarted:
        """Stores the attempt with its audit event, and returns where to send the browser.

        Raises:
            TooManyLoginsError: The visitor's address started too many. Nothing records it.
            ProviderUnavailableError: VA's metadata could not be fetched, or too many sign-ins are
                in progress. Only the audit trail records it: there is no attempt.
            UnavailableError: Storage did not answer.
        """
        try:
            return await self._starts.start(
                visitor=command.visitor,
                return_to=command.return_to,
                app_challenge=command.app_challenge,
            )
        except ProviderUnavailableError:
            await self._record_failure(command.visitor)
            raise

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
