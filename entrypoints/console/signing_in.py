"""How operators sign in and out."""

from http import HTTPStatus
from typing import Final, final

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from application.errors import (
    ForbiddenError,
    MisconfiguredError,
    ProviderUnavailableError,
    UpstreamRejectedError,
)
from application.ports.identity_provider import CallbackParameters
from application.ports.operator_directory import OperatorDirectory
from application.ports.secret_source import SecretSource
from application.query_parameters import MalformedParametersError
from application.sign_in_errors import SignInFailedError
from application.use_cases.console.sign_in_operator import SignInOperator, SignInOperatorCommand
from application.use_cases.console.sign_out_operator import SignOutOperator
from domain.login_attempt import LoginSecrets
from domain.operator import OperatorRight
from domain.secret import Secret
from entrypoints.console.acts import HOME, SIGN_IN, Act, change
from entrypoints.console.cookies import ConsoleCookies
from entrypoints.console.forms import Form
from entrypoints.console.operator_sessions import OperatorSessions, SignedIn
from entrypoints.console.renderer import ConsoleRenderer
from entrypoints.console.sign_in_attempts import SignInAttempts
from entrypoints.settings import CONSOLE_CALLBACK_PATH
from entrypoints.web.parameters import query_of, single_values
from entrypoints.web.routing import get_only
from entrypoints.web.visitors import VisitorReader

_log = structlog.stdlib.get_logger("vetassist.console")

_START: Final = f"{SIGN_IN}/start"
_EXPIRED: Final = (
    HTTPStatus.BAD_REQUEST,
    "This sign-in can't be completed",
    "It took too long, was completed before, or began in another browser. Sign in again.",
)
_NO_ROLE: Final = (
    HTTPStatus.FORBIDDEN,
    "You have no access to this console",
    (
        "Your identity provider signed you in, but you aren't in a group that may use the console. "
        "Ask an administrator of the provider."
    ),
)
_REFUSED: Final = (
    HTTPStatus.BAD_REQUEST,
    "The sign-in failed",
    (
        "Your identity provider didn't sign you in, or its answer isn't acceptable. Sign in again. "
        "If that doesn't help, the audit trail says why."
    ),
)
_UNAVAILABLE: Final = (
    HTTPStatus.SERVICE_UNAVAILABLE,
    "Your identity provider did not answer",
    "Nothing was changed. Wait a minute and sign in again.",
)


@final
class SigningIn:
    """The sign-in page, the way to the provider, the callback, and the sign-out."""

    def __init__(
        self,
        *,
        directory: OperatorDirectory,
        sign_in_operator: SignInOperator,
        sign_out_operator: SignOutOperator,
        attempts: SignInAttempts,
        sessions: OperatorSessions,
        cookies: ConsoleCookies,
        secrets: SecretSource,
        visitors: VisitorReader,
        renderer: ConsoleRenderer,
    ) -> None:
        self._directory = directory
        self._sign_in_operator = sign_in_operator
        self._sign_out_operator = sign_out_operator
        self._attempts = attempts
        self._sessions = sessions
        self._cookies = cookies
        self._secrets = secrets
        self._visitors = visitors
        self._renderer = renderer

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes of those who aren't signed in yet."""
        return [
            get_only(SIGN_IN, self._show),
            get_only(_START, self._start),
            get_only(CONSOLE_CALLBACK_PATH, self._come_back),
        ]

    @property
    def acts(self) -> list[Act]:
        """The sign-out."""
        return [change("/sign-out", self._sign_out, OperatorRight.LOOK)]

    async def _show(self, request: Request) -> Response:
        """The page with the link to the provider."""
        return self._renderer.page("sign_in.html", start=_START, ended=query_of(request) == "ended")

    async def _start(self, request: Request) -> Response:
        """Send the browser to the provider."""
        # One secret for all attempts of a browser, so that two tabs don't disturb each other. It
        # is of no use without an attempt.
        browser = self._cookies.attempt(request) or self._secrets.token()
        secrets = LoginSecrets(state=self._secrets.token(), browser=browser)
        try:
            url = await self._directory.authorization_url(secrets)
        except ProviderUnavailableError:
            return self._failed(_UNAVAILABLE)
        self._attempts.begin(secrets)
        response = RedirectResponse(url, HTTPStatus.SEE_OTHER)
        self._cookies.set_attempt(response, browser)
        return response

    async def _come_back(self, request: Request) -> Response:
        """Complete the sign-in of a browser that the provider sent back."""
        secrets = self._secrets_of(request)
        if secrets is None or not self._attempts.take(secrets):
            return self._failed(_EXPIRED)
        command = SignInOperatorCommand(
            callback=CallbackParameters(Secret(query_of(request))),
            secrets=secrets,
            visitor=self._visitors.read(request),
        )
        try:
            session = await self._sign_in_operator.execute(command)
        except ForbiddenError:
            return self._failed(_NO_ROLE)
        except ProviderUnavailableError:
            return self._failed(_UNAVAILABLE)
        except (SignInFailedError, UpstreamRejectedError) as error:
            if isinstance(error, MisconfiguredError):
                _log.error("console_misconfigured", reason=error.reason)
            return self._failed(_REFUSED)
        # A session that the browser had before ends, so that nobody can plant one.
        if (before := self._cookies.session(request)) is not None:
            self._sessions.end(before)
        response = RedirectResponse(HOME, HTTPStatus.SEE_OTHER)
        self._cookies.set_session(response, self._sessions.begin(session))
        return response

    async def _sign_out(self, request: Request, signed_in: SignedIn, _form: Form) -> Response:
        """End the session."""
        if (browser := self._cookies.session(request)) is not None:
            self._sessions.end(browser)
        await self._sign_out_operator.execute(signed_in.operator, self._visitors.read(request))
        response = RedirectResponse(SIGN_IN, HTTPStatus.SEE_OTHER)
        self._cookies.clear_session(response)
        return response

    def _secrets_of(self, request: Request) -> LoginSecrets | None:
        browser = self._cookies.attempt(request)
        try:
            state = single_values(request, ["state"]).get("state")
        except MalformedParametersError:
            return None
        if browser is None or not state:
            return None
        return LoginSecrets(state=Secret(state), browser=browser)

    def _failed(self, failure: tuple[HTTPStatus, str, str]) -> Response:
        status, title, text = failure
        return self._renderer.page(
            "message.html", status=status, title=title, text=text, back=SIGN_IN, way_on="Sign in"
        )
