"""The routes that start and complete a sign-in at VA."""

import logging
from http import HTTPStatus
from typing import Final, final

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from application.errors import SignInFailedError, SignInMisconfiguredError, SignInPostponedError
from application.ports.identity_provider import CallbackParameters
from application.use_cases.sign_in.complete_va_login import CompleteVALogin, CompleteVALoginCommand
from application.use_cases.sign_in.start_va_login import StartVALogin, StartVALoginCommand
from domain.return_path import ReturnPath
from domain.secret import Secret
from entrypoints.metrics.measurements import SUCCESS, Measurements
from entrypoints.request_ids import REQUEST_ID
from entrypoints.settings import CALLBACK_PATH
from entrypoints.web.app_sign_ins import AppSignIns
from entrypoints.web.authentication import Authenticator
from entrypoints.web.delivery import Delivery
from entrypoints.web.errors import problem
from entrypoints.web.login_cookies import LoginCookies
from entrypoints.web.parameters import MalformedParametersError, query_of, single_values
from entrypoints.web.rate_limit import RateLimit
from entrypoints.web.routing import get_only
from entrypoints.web.visitors import VisitorReader

_log = structlog.stdlib.get_logger("vetassist.sign_in")

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
        visitors: VisitorReader,
        authenticator: Authenticator,
        rate_limit: RateLimit,
        app_sign_ins: AppSignIns,
        measurements: Measurements,
    ) -> None:
        self._start_va_login = start_va_login
        self._complete_va_login = complete_va_login
        self._cookies = cookies
        self._delivery = delivery
        self._visitors = visitors
        self._authenticator = authenticator
        self._rate_limit = rate_limit
        self._app_sign_ins = app_sign_ins
        self._measurements = measurements

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes. Both refuse HEAD, which would start or consume an attempt."""
        return [
            get_only("/api/v1/va/login", self.login),
            get_only(CALLBACK_PATH, self.callback),
        ]

    async def login(self, request: Request) -> Response:
        """Sends the browser to VA."""
        try:
            wanted = single_values(request, ["return_to"]).get("return_to")
            app_challenge = self._app_sign_ins.challenge(request)
        except MalformedParametersError:
            return problem(HTTPStatus.BAD_REQUEST, "malformed_parameters")
        visitor = self._visitors.read(request)
        command = StartVALoginCommand(
            visitor=visitor,
            return_to=None if wanted is None else ReturnPath(wanted),
            app_challenge=app_challenge,
        )
        if not self._rate_limit.allows(visitor.address_hash):
            return problem(
                HTTPStatus.TOO_MANY_REQUESTS, "too_many_logins", headers={"Retry-After": "10"}
            )
        started = await self._start_va_login.execute(command)
        response = RedirectResponse(started.authorization_url, status_code=HTTPStatus.SEE_OTHER)
        self._cookies.set(request, response, started.secrets)
        return response

    async def callback(self, request: Request) -> Response:
        """Completes or refuses the sign-in, and sends the browser to the front end."""
        command = self._command(request)
        try:
            completed = await self._complete_va_login.execute(command)
        except SignInPostponedError as postponed:
            # The browser keeps its cookie, which the same callback needs when it comes again.
            return self._failed(request, postponed)
        except SignInFailedError as failed:
            response = self._failed(request, failed)
        else:
            self._measurements.count_sign_in(SUCCESS)
            response = self._delivery.success(completed)
        if command.secrets is not None:
            self._cookies.clear(response, command.secrets)
        return response

    def _failed(self, request: Request, failed: SignInFailedError) -> Response:
        is_alarm = isinstance(failed, SignInMisconfiguredError)
        level = logging.ERROR if is_alarm else logging.WARNING
        _log.log(level, "sign_in_failed", error=failed.failure.value, reason=failed.reason)
        self._measurements.count_sign_in(failed.failure)
        return self._delivery.failure(failed.failure, request_id=request.scope[REQUEST_ID])

    def _command(self, request: Request) -> CompleteVALoginCommand:
        replaced = self._authenticator.cookie_token(request)
        return CompleteVALoginCommand(
            secrets=self._cookies.secrets(request, _state_of(request)),
            callback=CallbackParameters(Secret(query_of(request))),
            visitor=self._visitors.read(request),
            is_abandoned=request.is_disconnected,
            replaced_token=None if replaced is None else Secret(replaced),
        )


def _state_of(request: Request) -> str | None:
    """Returns the callback's `state`, which leads to its cookie, or None if it can't be trusted."""
    try:
        # A callback that repeats any of its parameters must not cost the browser its cookie.
        return single_values(request, _CALLBACK_PARAMETERS).get("state")
    except MalformedParametersError:
        return None
