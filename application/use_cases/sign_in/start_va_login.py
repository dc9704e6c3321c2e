"""Use case: start a sign-in at VA."""

from dataclasses import dataclass
from typing import final

from application.errors import ProviderUnavailableError
from application.front_end_roster import FrontEndRoster
from application.login_starts import LoginStarts, VALoginStarted
from application.ports.clock import Clock
from application.ports.unit_of_work import UnitOfWorkFactory
from domain.app_challenge import AppChallenge
from domain.audit_event import AuditEvent
from domain.front_end import SETTINGS_FRONT_END, FrontEnd, FrontEndId, SessionDelivery
from domain.return_path import ReturnPath
from domain.sign_in_failure import SignInFailure
from domain.visitor import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class StartVALoginCommand:
    """The visitor who wants to sign in, and the return path, if there is one.

    Attributes:
        app_challenge: The challenge of the app that will redeem the hand-over code, or None. Only
            a front end with `code` delivery has such apps.
        front_end: Where the sign-in starts, and where it ends.
    """

    visitor: Visitor
    return_to: ReturnPath | None = None
    app_challenge: AppChallenge | None = None
    front_end: FrontEndId = SETTINGS_FRONT_END


@final
class StartVALogin:
    """Starts an attempt that is bound to one browser."""

    def __init__(
        self,
        *,
        starts: LoginStarts,
        front_ends: FrontEndRoster,
        unit_of_work: UnitOfWorkFactory,
        clock: Clock,
    ) -> None:
        self._front_ends = front_ends
        self._starts = starts
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def execute(self, command: StartVALoginCommand) -> VALoginStarted:
        """Stores the attempt with its audit event, and returns where to send the browser.

        Raises:
            UnknownFrontEndError: There is no such front end, or it is disabled.
            TooManyLoginsError: The visitor's address started too many. Nothing records it.
            ProviderUnavailableError: VA's metadata could not be fetched, or too many sign-ins are
                in progress. Only the audit trail records it: there is no attempt.
            UnavailableError: Storage did not answer.
        """
        front_end = await self._front_ends.find(command.front_end)
        by_code = front_end.delivery is SessionDelivery.CODE
        try:
            return await self._starts.start(
                visitor=command.visitor,
                return_to=command.return_to,
                front_end=front_end,
                app_challenge=command.app_challenge if by_code else None,
            )
        except ProviderUnavailableError:
            await self._record_failure(command.visitor, front_end)
            raise

    async def _record_failure(self, visitor: Visitor, front_end: FrontEnd) -> None:
        event = AuditEvent.login_failed(
            SignInFailure.PROVIDER_UNAVAILABLE,
            reason="not_started",
            visitor=visitor,
            now=self._clock.now(),
            front_end=front_end.id,
        )
        async with self._unit_of_work() as work:
            await work.audit.append(event)
            await work.commit()
