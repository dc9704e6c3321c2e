"""The two routes between the browser and VA."""

import logging
import re
from http import HTTPStatus
from typing import Final, final

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from application.errors import SignInFailedError, SignInPostponedError
from application.use_cases.sign_in.complete_va_login import CompleteVALogin, CompleteVALoginCommand
from application.use_cases.sign_in.start_va_login import StartVALogin, StartVALoginCommand
from domain.return_path import ReturnPath
from domain.secret import Secret
from entrypoints.metrics.measurements import SUCCESS, Measurements
from entrypoints.request_ids import REQUEST_ID
from entrypoints.settings import CALLBACK_PATH
from entrypoints.web.authentication import Authenticator
from entrypoints.web.delivery import Delivery
from entrypoints.web.errors import problem
from entrypoints.web.login_cookies import LoginCookies
from entrypoints.web.parameters import MalformedParametersError, single_values
from entrypoints.web.rate_limit import RateLimit
from entrypoints.web.routing import get_only
from entrypoints.web.visitors import VisitorReader

_log = structlog.stdlib.get_logger("vetassist.sign_in")

# VA refuses our credentials. No user can sign in until they are corrected.
_OPERATORS_FAULT: Final = frozenset({"invalid_client", "unauthorized_client"})
_CALLBACK_PARAMETERS: Final = ("state", "code", "error", "iss")
# Source: RFC 6749, appendix A.11 (code) and A.7 (error).
_CODE: Final = re.compile(r"[\x20-\x7e]{1,4096}", re.ASCII)
_ERROR: Final = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]{1,256}", re.ASCII)


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
        measurements: Measurements,
    ) -> None:
        self._start_va_login = start_va_login
        self._complete_va_login = complete_va_login
        self._cookies = cookies
        self._delivery = delivery
        self._visitors = visitors
        self._authenticator = authenticator
        self._rate_limit = rate_limit
        self._measurements = measurements

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes. Both refuse HEAD, because it would consume an attempt."""
        return [
            get_only("/api/v1/va/login", self.login),
            get_only(CALLBACK_PATH, self.callback),
        ]

    async def login(self, request: Request) -> Response:
        """Send the browser to VA."""
        try:
            wanted = single_values(request, ["return_to"]).get("return_to")
        except MalformedParametersError:
            return problem(HTTPStatus.BAD_REQUEST, "malformed_parameters")
        visitor = self._visitors.read(request)
        command = StartVALoginCommand(
            visitor=visitor, return_to=None if wanted is None else ReturnPath(wanted)
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
        """Process VA's response. The browser always ends up at the front end."""
        command = self._command(request)
        try:
            completed = await self._complete_va_login.execute(command)
        except SignInPostponedError as postponed:
            # The browser keeps its cookie, so that the same callback can be retried.
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
        level = logging.ERROR if failed.reason in _OPERATORS_FAULT else logging.WARNING
        _log.log(level, "sign_in_failed", error=failed.failure.value, reason=failed.reason)
        self._measurements.count_sign_in(failed.failure)
        return self._delivery.failure(failed.failure, request_id=request.scope[REQUEST_ID])

    def _command(self, request: Request) -> CompleteVALoginCommand:
        is_wellformed = True
        try:
            values = single_values(request, _CALLBACK_PARAMETERS)
        except MalformedParametersError:
            values, is_wellformed = {}, False
        code, error = values.get("code"), values.get("error")
        if code is not None and not _CODE.fullmatch(code):
            is_wellformed = False
        if error is not None and not _ERROR.fullmatch(error):
            is_wellformed = False
        return CompleteVALoginCommand(
            secrets=self._cookies.secrets(request, values.get("state")),
            code=None if code is None else Secret(code),
            provider_error=error,
            issuer=values.get("iss"),
            is_wellformed=is_wellformed,
            visitor=self._visitors.read(request),
            is_abandoned=request.is_disconnected,
            replaced_token=self._authenticator.cookie_token(request),
        )
