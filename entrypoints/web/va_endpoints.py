"""The routes that start and complete a sign-in at VA."""

import logging
from http import HTTPStatus
from typing import Final, final

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from application.errors import (
    ApplicationError,
    ProviderUnavailableError,
    TooManyLoginsError,
    UnavailableError,
)
from application.login_starts import VALoginStarted
from application.ports.identity_provider import CallbackParameters
from application.second_chances import VALoginRepeated, VALoginRestarted
from application.sign_in_errors import (
    AttemptRefusedError,
    SignInFailedError,
    SignInMisconfiguredError,
    SignInPostponedError,
    SignInUncertainError,
)
from application.use_cases.sign_in.complete_va_login import (
    CompleteVALogin,
    CompleteVALoginCommand,
)
from application.use_cases.sign_in.start_va_login import StartVALogin, StartVALoginCommand
from domain.attempt_note import AttemptNote
from domain.errors import (
    InvalidAppChallengeError,
    InvalidReturnPathError,
    UnknownFrontEndError,
)
from domain.front_end import FrontEnd
from domain.return_path import ReturnPath
from domain.secret import Secret
from domain.sign_in_failure import SignInFailure
from entrypoints.crowds import TURNED_AWAY
from entrypoints.metrics.measurements import REPEATED, RESTARTED, SUCCESS, Measurements
from entrypoints.settings import CALLBACK_PATH
from entrypoints.web.app_sign_ins import AppSignIns
from entrypoints.web.authentication import Authenticator
from entrypoints.web.browser_answers import (
    LOGIN_PATH,
    BrowserAnswers,
    Destination,
    requested_front_end,
    requested_path,
)
from entrypoints.web.delivery import Delivery
from entrypoints.web.departures import departure_of
from entrypoints.web.errors import problem
from entrypoints.web.login_cookies import LoginCookies
from entrypoints.web.navigation import is_navigation, is_prefetch
from entrypoints.web.parameters import MalformedParametersError, query_of, single_values
from entrypoints.web.routing import get_only
from entrypoints.web.visitors import VisitorReader

_log = structlog.stdlib.get_logger("vetassist.sign_in")

#: Failures that aren't the attempt's own answer. The same callback may succeed when it comes again,
#: or an earlier answer may have been lost. So the browser keeps its secret.
_WITHOUT_OUTCOME: Final = (AttemptRefusedError, SignInPostponedError, SignInUncertainError)
_NOT_STARTED: Final = (
    ApplicationError,
    InvalidAppChallengeError,
    MalformedParametersError,
    UnknownFrontEndError,
)
_CALLBACK_PARAMETERS: Final = ("state", "code", "error", "iss")


@final
class VAEndpoints:
    """Parses the request, runs one use case, and redirects."""

    def __init__(
        self,
        *,
        start_va_login: StartVALogin,
        complete_va_login: CompleteVALogin,
        cookies: LoginCookies,
        delivery: Delivery,
        answers: BrowserAnswers,
        visitors: VisitorReader,
        authenticator: Authenticator,
        app_sign_ins: AppSignIns,
        measurements: Measurements,
    ) -> None:
        self._start_va_login = start_va_login
        self._complete_va_login = complete_va_login
        self._cookies = cookies
        self._delivery = delivery
        self._answers = answers
        self._visitors = visitors
        self._authenticator = authenticator
        self._app_sign_ins = app_sign_ins
        self._measurements = measurements

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes. Both refuse HEAD, which would start or consume an attempt."""
        return [get_only(LOGIN_PATH, self.login), get_only(CALLBACK_PATH, self.callback)]

    async def login(self, request: Request) -> Response:
        """Sends the browser to VA."""
        if is_prefetch(request.headers):
            return Response(status_code=HTTPStatus.NO_CONTENT)
        is_person = is_navigation(request.headers)
        try:
            front_end = requested_front_end(request)
            return_to = _wanted_path(request, is_person=is_person)
            command = StartVALoginCommand(
                visitor=self._visitors.read(request),
                return_to=return_to,
                app_challenge=self._app_sign_ins.challenge(request),
                front_end=front_end,
            )
            if _was_turned_away(request):
                raise UnavailableError("crowded")
            started = await self._start_va_login.execute(command)
        except _NOT_STARTED as error:
            if is_person:
                return self._not_started(request, error)
            if isinstance(error, MalformedParametersError):
                return problem(HTTPStatus.BAD_REQUEST, "malformed_parameters")
            raise
        return self._to_provider(request, started)

    async def callback(self, request: Request) -> Response:
        """Completes or refuses the sign-in, and sends the browser to the front end."""
        if is_prefetch(request.headers):
            return Response(status_code=HTTPStatus.NO_CONTENT)
        if _was_turned_away(request):
            return self._not_started(request, UnavailableError("crowded"))
        return await self._completed(request)

    async def _completed(self, request: Request) -> Response:
        command = self._command(request)
        try:
            outcome = await self._complete_va_login.execute(command)
        except _WITHOUT_OUTCOME as failed:
            return self._failed(request, failed)
        except SignInFailedError as failed:
            return self._answered(command, self._failed(request, failed))
        match outcome:
            case VALoginRestarted(started=started, note=note):
                self._measurements.count_sign_in(RESTARTED)
                return self._to_provider(request, started, spent=note)
            case VALoginRepeated():
                self._measurements.count_sign_in(REPEATED)
                return self._delivery.repeated(outcome)
            case _:
                self._measurements.count_sign_in(SUCCESS)
                return self._answered(command, self._delivery.success(outcome))

    def _answered(self, command: CompleteVALoginCommand, response: Response) -> Response:
        """Takes the secret away, which tells later that the attempt's answer arrived."""
        if command.secrets is not None:
            self._cookies.clear_secret(response, command.secrets)
        return response

    def _to_provider(
        self, request: Request, started: VALoginStarted, *, spent: AttemptNote | None = None
    ) -> Response:
        response = RedirectResponse(started.authorization_url, status_code=HTTPStatus.SEE_OTHER)
        self._cookies.set(request, response, started, spent=spent)
        return response

    def _not_started(self, request: Request, error: Exception) -> Response:
        failure = _failure_of(error)
        code = error.code if isinstance(error, ApplicationError) else type(error).__name__
        _log.warning("sign_in_not_started", error=failure.value, code=code)
        self._measurements.count_sign_in(failure)
        is_nowhere = isinstance(error, UnknownFrontEndError)
        destination = Destination() if is_nowhere else self._answers.destination(request)
        return self._answers.failure(request, failure, destination)

    def _failed(self, request: Request, failed: SignInFailedError) -> Response:
        is_alarm = isinstance(failed, SignInMisconfiguredError)
        level = logging.ERROR if is_alarm else logging.WARNING
        _log.log(level, "sign_in_failed", error=failed.failure.value, reason=failed.reason)
        self._measurements.count_sign_in(failed.failure)
        destination = Destination(failed.front_end, failed.return_to)
        return self._answers.failure(request, failed.failure, destination)

    def _command(self, request: Request) -> CompleteVALoginCommand:
        def held_token(front_end: FrontEnd) -> Secret | None:
            token = self._authenticator.cookie_token(request, front_end)
            return None if token is None else Secret(token)

        state = _state_of(request, ["state"])
        return CompleteVALoginCommand(
            # A callback that repeats any of its parameters must not cost the browser its secret.
            secrets=self._cookies.secrets(request, _state_of(request, _CALLBACK_PARAMETERS)),
            callback=CallbackParameters(Secret(query_of(request))),
            visitor=self._visitors.read(request),
            is_abandoned=departure_of(request),
            held_token=held_token,
            note=self._cookies.note(request, state),
            unanswered=self._cookies.unanswered(request, state),
        )


def _was_turned_away(request: Request) -> bool:
    return getattr(request.state, TURNED_AWAY, False)


def _wanted_path(request: Request, *, is_person: bool) -> ReturnPath | None:
    """The return path. A person whose link has an unusable one still gets to sign in."""
    try:
        return requested_path(request)
    except (MalformedParametersError, InvalidReturnPathError):
        if is_person:
            return None
        raise


def _failure_of(error: Exception) -> SignInFailure:
    """The public code of an error that kept a sign-in from starting."""
    match error:
        case TooManyLoginsError():
            return SignInFailure.TOO_MANY_LOGINS
        case ProviderUnavailableError():
            return SignInFailure.PROVIDER_UNAVAILABLE
        case _:
            return SignInFailure.SERVICE_UNAVAILABLE


def _state_of(request: Request, together_with: list[str] | tuple[str, ...]) -> str | None:
    """The callback's `state`, or None if it or another of these parameters can't be trusted."""
    try:
        return single_values(request, together_with).get("state")
    except MalformedParametersError:
        return None
