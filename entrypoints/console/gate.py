"""Lets an act happen only for an operator who is signed in and whose role allows it."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final, final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from application.errors import ForbiddenError
from domain.web_url import origin_of
from entrypoints.console.acting import acting_as
from entrypoints.console.acts import SIGN_IN, Act, Method
from entrypoints.console.cookies import ConsoleCookies
from entrypoints.console.forms import Form
from entrypoints.console.operator_sessions import OperatorSessions, SignedIn
from entrypoints.web.origin_guard import require_origin
from entrypoints.web.routing import get_only

#: The sign-in page says that the session ended.
ENDED: Final = f"{SIGN_IN}?ended"


@final
class Gate:
    """Turns acts into routes."""

    def __init__(
        self, *, sessions: OperatorSessions, cookies: ConsoleCookies, public_url: str
    ) -> None:
        self._sessions = sessions
        self._cookies = cookies
        self._origin = origin_of(public_url)

    def route(self, act: Act) -> Route:
        """The route of an act."""
        if act.method is Method.LOOK:
            return get_only(act.path, self._guarded(act))
        return Route(act.path, self._guarded(act), methods=[act.method.value])

    def signed_in(self, request: Request) -> SignedIn | None:
        """Who sent the request, if anybody who is signed in. The session counts as used."""
        browser = self._cookies.session(request)
        return None if browser is None else self._sessions.use(browser)

    def _guarded(self, act: Act) -> Callable[[Request], Awaitable[Response]]:
        async def respond(request: Request) -> Response:
            if act.method is Method.CHANGE:
                require_origin(request, {self._origin})
            signed_in = self.signed_in(request)
            if signed_in is None:
                return self._to_sign_in(request)
            form = Form()
            if act.method is Method.CHANGE:
                form = await Form.of(request)
                form.check(signed_in.form_secret)
            if not signed_in.operator.may(act.right):
                raise ForbiddenError
            with acting_as(signed_in.operator):
                return await act.perform(request, signed_in, form)

        return respond

    def _to_sign_in(self, request: Request) -> Response:
        had_one = self._cookies.session(request) is not None
        response = RedirectResponse(ENDED if had_one else SIGN_IN, HTTPStatus.SEE_OTHER)
        if had_one:
            self._cookies.clear_session(response)
        return response
