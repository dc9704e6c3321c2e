"""What the forms of the account pages do. Each leads to a page by a redirect (303)."""

from collections.abc import Awaitable, Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, Final, final
from uuid import UUID

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from application.errors import (
    ForbiddenError,
    FreshSignInNeededError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
)
from application.query_parameters import MalformedParametersError, single_values
from application.use_cases.sessions.renew_session import RenewSession, RenewSessionCommand
from application.use_cases.sessions.revoke_sessions import (
    RevokeSessions,
    RevokeSessionsCommand,
    Which,
)
from application.use_cases.sessions.sign_out import SignOut, SignOutCommand
from application.use_cases.sessions.validate_session import ValidSession
from domain.errors import InvalidReturnPathError
from domain.front_end import FrontEnd
from domain.identifiers import SessionId
from domain.return_path import ReturnPath
from domain.secret import Secret
from entrypoints.web.authentication import Authenticator
from entrypoints.web.bounded_body import bounded_body
from entrypoints.web.languages import N_, translation
from entrypoints.web.link_endpoints import Unlinking
from entrypoints.web.navigation import FORMS_PATH
from entrypoints.web.origin_guard import OriginGuard
from entrypoints.web.pages.notices import Notice, NoticeCookie
from entrypoints.web.pages.renderer import Renderer
from entrypoints.web.session_cookies import SessionCookies
from entrypoints.web.visitors import VisitorReader

# Below the path of the refresh token's cookie, which these two need.
_RENEW: Final = f"{FORMS_PATH}/renew"
_SIGN_OUT: Final = f"{FORMS_PATH}/sign-out"
#: Where the forms of several pages lead, by the templates' names.
FORM_PATHS: Final[dict[str, Any]] = {"renew_path": _RENEW, "sign_out_path": _SIGN_OUT}

_MAX_BYTES: Final = 4096
_SIGNED_OUT: Final = "/signed-out"

_Act = Callable[[Request], Awaitable[Response]]
#: Shows the page about disconnecting VA, to somebody who has to sign in again first.
_ShowDisconnect = Callable[..., Awaitable[Response]]


@final
class AccountForms:
    """Parses a form, runs one use case, and redirects."""

    def __init__(
        self,
        *,
        renderer: Renderer,
        authenticator: Authenticator,
        guard: OriginGuard,
        sign_out: SignOut,
        revoke_sessions: RevokeSessions,
        renew_session: RenewSession,
        unlinking: Unlinking,
        cookies: SessionCookies,
        visitors: VisitorReader,
        front_end: FrontEnd,
    ) -> None:
        self._renderer = renderer
        self._authenticator = authenticator
        self._guard = guard
        self._sign_out = sign_out
        self._revoke_sessions = revoke_sessions
        self._renew_session = renew_session
        self._unlinking = unlinking
        self._cookies = cookies
        self._visitors = visitors
        self._front_end = front_end
        self._notices = NoticeCookie(secure=renderer.site.is_https)

    def routes(self, show_disconnect: _ShowDisconnect) -> list[BaseRoute]:
        """The forms.

        Args:
            show_disconnect: Shows the page again if a new sign-in is needed first.
        """

        async def disconnect(request: Request) -> Response:
            """Disconnect VA. Needs a fresh sign-in."""
            try:
                return await self._disconnect(request)
            except FreshSignInNeededError:
                return await show_disconnect(request, fresh_sign_in_needed=True)

        forms: dict[str, _Act] = {
            _SIGN_OUT: self._sign_out_here,
            "/sign-out-everywhere": self._sign_out_everywhere,
            "/sessions/sign-out": self._sign_out_of_one,
            "/sessions/sign-out-elsewhere": self._sign_out_elsewhere,
            _RENEW: self._renew,
            "/disconnect": disconnect,
        }
        return [Route(path, self._guarded(act), methods=["POST"]) for path, act in forms.items()]

    def _guarded(self, act: _Act) -> _Act:
        """The same act, with a page for each failure."""

        @wraps(act)
        async def respond(request: Request) -> Response:
            try:
                return await act(request)
            except UnauthenticatedError:
                # The page says that there is no session.
                return self._to("/va-success")
            except ForbiddenError:
                return self._refused(request)
            except UnavailableError:
                return self._unavailable(request)

        return respond

    async def _sign_out_here(self, request: Request) -> Response:
        """Sign out."""
        try:
            proof = self._authenticator.sign_out_proof(request, front_end=self._front_end)
            visitor = self._visitors.read(request)
            await self._sign_out.execute(SignOutCommand(proof=proof, visitor=visitor))
        except UnauthenticatedError:
            # The session is over already, which is what was asked for.
            self._guard.check(request, self._front_end)
        return self._signed_out(None)

    async def _sign_out_everywhere(self, request: Request) -> Response:
        """Sign out everywhere."""
        valid = await self._authenticator.session(request, front_end=self._front_end.id)
        await self._revoke(request, valid, Which.ALL)
        return self._signed_out(Notice.SIGNED_OUT_EVERYWHERE)

    async def _sign_out_elsewhere(self, request: Request) -> Response:
        """Sign out everywhere else."""
        valid = await self._authenticator.session(request, front_end=self._front_end.id)
        await self._revoke(request, valid, Which.ALL_BUT_CURRENT)
        return self._to("/sessions", Notice.SIGNED_OUT_ELSEWHERE)

    async def _sign_out_of_one(self, request: Request) -> Response:
        """Sign out of one session."""
        valid = await self._authenticator.session(request, front_end=self._front_end.id)
        wanted = await _field(request, "session_id")
        try:
            await self._revoke(request, valid, SessionId(UUID(wanted or "")))
        except (ValueError, NotFoundError):
            # It isn't one of their sessions, or it was purged: the page shows what there is.
            return self._to("/sessions")
        return self._to("/sessions", Notice.SIGNED_OUT_OF_ONE)

    async def _revoke(
        self, request: Request, valid: ValidSession, which: SessionId | Which
    ) -> None:
        await self._revoke_sessions.execute(
            RevokeSessionsCommand(
                user_id=valid.session.user_id,
                current=valid.session.session_id,
                which=which,
                visitor=self._visitors.read(request),
            )
        )

    async def _renew(self, request: Request) -> Response:
        """Stay signed in."""
        back = _path(await _field(request, "return_to"))
        shown = self._cookies.refresh(request)
        if shown is None:
            return self._to(back)
        self._guard.check(request, self._front_end)
        try:
            grant = await self._renew_session.execute(
                RenewSessionCommand(
                    refresh_token=Secret(shown),
                    front_end=self._front_end.id,
                    visitor=self._visitors.read(request),
                )
            )
        except UnauthenticatedError:
            response = self._to(back)
            self._cookies.clear(response)
            return response
        response = self._to(back, Notice.RENEWED)
        self._cookies.set_session(response, grant)
        self._cookies.set_refresh(response, grant)
        return response

    async def _disconnect(self, request: Request) -> Response:
        valid = await self._authenticator.session(request, front_end=self._front_end.id)
        await self._unlinking.execute(valid, self._visitors.read(request))
        response = self._signed_out(Notice.DISCONNECTED)
        response.background = BackgroundTask(self._unlinking.ask_va_at_once)
        return response

    def _signed_out(self, notice: Notice | None) -> Response:
        response = self._to(_SIGNED_OUT, notice)
        self._cookies.clear(response)
        return response

    def _to(self, path: str, notice: Notice | None = None) -> Response:
        response = RedirectResponse(
            self._renderer.site.base + path, status_code=HTTPStatus.SEE_OTHER
        )
        if notice is not None:
            self._notices.set(response, notice)
        return response

    def _refused(self, request: Request) -> Response:
        return self._problem(
            request,
            HTTPStatus.FORBIDDEN,
            title=N_("We didn't do that"),
            text=N_(
                "To protect you, VetAssist does this only from its own pages, and your browser "
                "didn't say that the request came from one. Go back and try again. If it still "
                "doesn't work, contact VetAssist support."
            ),
            way_on=N_("Back to your session"),
        )

    def _unavailable(self, request: Request) -> Response:
        return self._problem(
            request,
            HTTPStatus.SERVICE_UNAVAILABLE,
            title=N_("We couldn't do that right now"),
            text=N_(
                "Something on our side didn't work, so we don't know whether it was done. You did "
                "nothing wrong. Wait a moment and look at your session. If it still doesn't work, "
                "contact VetAssist support."
            ),
            way_on=N_("Back to your session"),
        )

    def _problem(
        self, request: Request, status: HTTPStatus, *, title: str, text: str, way_on: str
    ) -> Response:
        translate = translation(self._renderer.language(request))
        return self._renderer.page(
            request,
            "problem.html",
            status=status,
            here="/va-success",
            title=translate(title),
            text=translate(text),
            way_on=translate(way_on),
            back="/va-success",
        )


async def _field(request: Request, name: str) -> str | None:
    """A field of the form, or None if there is none, or it can't be read."""
    body = await bounded_body(request, max_bytes=_MAX_BYTES)
    try:
        return single_values(body.decode("latin-1"), [name]).get(name)
    except MalformedParametersError:
        return None


def _path(text: str | None) -> str:
    """The page to go back to."""
    try:
        return ReturnPath(text or "").value
    except InvalidReturnPathError:
        return "/va-success"
