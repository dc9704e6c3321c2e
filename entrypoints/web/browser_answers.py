"""What a person in a browser sees where a program gets a problem document.

A browser at the login or the callback always ends at the front end's error page. Elsewhere it gets
a short page of its own, because there may be no front end to show one.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, final
from urllib.parse import quote, urlencode

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from application.front_end_roster import FrontEndRoster
from application.query_parameters import MalformedParametersError
from domain.errors import InvalidReturnPathError, UnknownFrontEndError
from domain.front_end import SETTINGS_FRONT_END, FrontEnd, FrontEndId, parse_front_end_id
from domain.return_path import ReturnPath
from domain.sign_in_failure import SignInFailure
from entrypoints.request_ids import REQUEST_ID
from entrypoints.settings import CALLBACK_PATH
from entrypoints.web.errors import problem
from entrypoints.web.login_cookies import LoginCookies
from entrypoints.web.middleware import SecurityHeaders
from entrypoints.web.navigation import FORMS_PATH, is_navigation
from entrypoints.web.parameters import single_texts, single_values
from entrypoints.web.plain_pages import PlainPages
from entrypoints.web.reference_cookie import ERROR_PAGE, ReferenceCookie

LOGIN_PATH: Final = "/api/v1/va/login"
RETURN_TO: Final = "return_to"
FRONT_END: Final = "front_end"
_API: Final = ("/api/", "/oauth/")

_ExceptionHandler = Callable[[Request, Exception], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a sign-in ends, also if it fails."""

    front_end: FrontEndId = SETTINGS_FRONT_END
    return_to: ReturnPath | None = None


@final
class BrowserAnswers:
    """Redirects and pages for the errors of the service.

    Args:
        roster: All front ends.
        serves_front_end: Whether the service is its own front end.
        pages: The pages of other errors.
        reference: Passes the request's id to our own error page.
        cookies: The cookies of attempts, which say where a person wanted to go.
        headers: The headers of an answer that the application doesn't produce.
    """

    def __init__(
        self,
        *,
        roster: FrontEndRoster,
        serves_front_end: bool,
        pages: PlainPages,
        reference: ReferenceCookie,
        cookies: LoginCookies,
        headers: SecurityHeaders,
    ) -> None:
        self._roster = roster
        self._serves_front_end = serves_front_end
        self._pages = pages
        self._reference = reference
        self._cookies = cookies
        self._headers = headers

    def failure(
        self, request: HTTPConnection, failure: SignInFailure, destination: Destination
    ) -> Response:
        """Redirect to `/va-error`, with our reason, the return path, and none of VA's text.

        Our own page also gets the reference for support. Where the front end is gone, the person
        ends at that of the settings, without a path that was meant for the other one.
        """
        front_end, return_to = self._roster.with_id(destination.front_end), destination.return_to
        if front_end is None:
            front_end, return_to = self._roster.settings, None
        parameters = {"error": failure.value}
        if return_to is not None:
            parameters[RETURN_TO] = return_to.value
        query = urlencode(parameters, quote_via=quote, safe="")
        response = RedirectResponse(
            f"{front_end.url}{ERROR_PAGE}?{query}", status_code=HTTPStatus.SEE_OTHER
        )
        request_id = request.scope.get(REQUEST_ID)
        if front_end.is_of_settings and self._serves_front_end and request_id is not None:
            self._reference.set(response, request_id)
        return response

    def instead_of(self, scope: Scope, problem: Response) -> Response:
        """The answer to give: ``problem`` itself, unless a person would see it.

        Problems of the API's routes stay as they are, because nobody follows a link to them. The
        login and the callback are links. A wrong method or address may be anybody's mistake.
        """
        request = HTTPConnection(scope)
        status = HTTPStatus(problem.status_code)
        if not is_navigation(request.headers):
            return problem
        is_mistake = status in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}
        path: str = scope["path"]
        # A proxy may leave the path of the public URL in front.
        if not is_mistake and path.endswith((LOGIN_PATH, CALLBACK_PATH)):
            return self.failure(
                request, SignInFailure.SERVICE_UNAVAILABLE, self.destination(request)
            )
        is_for_programs = path.startswith(_API) and not path.startswith(FORMS_PATH)
        if not is_mistake and is_for_programs:
            return problem
        return self._page(request, status, problem.headers)

    def negotiated(self, handler: _ExceptionHandler) -> _ExceptionHandler:
        """The same handler of exceptions, for browsers as well."""

        async def respond(request: Request, error: Exception) -> Response:
            return self.instead_of(request.scope, await handler(request, error))

        return respond

    async def overloaded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond instead of the application, because too many requests are in progress."""
        answer = self.instead_of(scope, problem(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable"))
        self._headers.add_to(answer.headers)
        answer.headers["Connection"] = "close"
        await answer(scope, receive, send)

    def destination(self, request: HTTPConnection) -> Destination:
        """Where a browser at the login or the callback wants to go, as far as it can be known."""
        try:
            if request.scope["path"].endswith(LOGIN_PATH):
                return Destination(requested_front_end(request), _usable_path(request))
            state = single_values(request, ["state"]).get("state")
        except (MalformedParametersError, UnknownFrontEndError):
            return Destination()
        note = self._cookies.note(request, state)
        return Destination() if note is None else Destination(note.front_end, note.return_to)

    def _page(self, request: HTTPConnection, status: HTTPStatus, headers: Headers) -> Response:
        is_ours = status >= HTTPStatus.INTERNAL_SERVER_ERROR
        reference = request.scope.get(REQUEST_ID) if is_ours else None
        front_end = self._front_end_of(request)
        response = self._pages.page(request, status, reference=reference, front_end=front_end)
        for name in ("Allow", "Retry-After"):
            if name in headers:
                response.headers[name] = headers[name]
        return response

    def _front_end_of(self, request: HTTPConnection) -> FrontEnd | None:
        """The front end that a wrong request to the login or the callback belongs to."""
        if not request.scope["path"].endswith((LOGIN_PATH, CALLBACK_PATH)):
            return None
        return self._roster.with_id(self.destination(request).front_end)


def requested_front_end(request: HTTPConnection) -> FrontEndId:
    """The front end that the login was asked for. That of the settings, if it was asked for none.

    Raises:
        MalformedParametersError: It appears twice, or isn't UTF-8.
        UnknownFrontEndError: It isn't the id of a front end.
    """
    wanted = single_texts(request, [FRONT_END]).get(FRONT_END)
    if wanted is None:
        return SETTINGS_FRONT_END
    front_end_id = parse_front_end_id(wanted)
    if front_end_id is None:
        raise UnknownFrontEndError
    return front_end_id


def requested_path(request: HTTPConnection) -> ReturnPath | None:
    """The return path that the login was asked for, in canonical form, or None.

    Raises:
        MalformedParametersError: It appears twice, or isn't UTF-8.
        InvalidReturnPathError: It isn't a path of the front end.
    """
    wanted = single_texts(request, [RETURN_TO]).get(RETURN_TO)
    return None if wanted is None else ReturnPath.parse(wanted)


def _usable_path(request: HTTPConnection) -> ReturnPath | None:
    try:
        return requested_path(request)
    except (MalformedParametersError, InvalidReturnPathError):
        return None
