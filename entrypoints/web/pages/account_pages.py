"""The pages of a session in a cookie, rendered by the server."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final, final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from application.errors import UnauthenticatedError, UnavailableError
from application.front_end_roster import FrontEndRoster
from application.ports.clock import Clock
from application.use_cases.history.list_disclosures import ListDisclosures
from application.use_cases.history.read_history import ReadHistory, ReadHistoryCommand
from application.use_cases.history.view_user import ViewUser
from application.use_cases.sessions.list_sessions import ListSessions
from application.use_cases.sessions.validate_session import ValidSession
from domain.audit_record import AuditMark
from domain.front_end import SETTINGS_FRONT_END
from domain.session import Session
from domain.session_limits import SessionLimits
from domain.user import User
from entrypoints.web.authentication import Authenticator
from entrypoints.web.devices import device_name
from entrypoints.web.history_words import in_plain_words
from entrypoints.web.languages import Translate, translation
from entrypoints.web.marks import mark_of, text_of
from entrypoints.web.pages.account_forms import FORM_PATHS
from entrypoints.web.pages.notices import NoticeCookie
from entrypoints.web.pages.renderer import Renderer, return_path
from entrypoints.web.pages.states import PageState
from entrypoints.web.parameters import MalformedParametersError, single_values
from entrypoints.web.session_endpoints import session_fields

#: Forms need it: with `no-referrer`, a browser doesn't say where a form comes from.
_FORM_HEADERS: Final = {"Referrer-Policy": "same-origin"}

_Account = dict[str, Any]
_Reader = Callable[[Request, ValidSession], Awaitable[_Account]]


@final
class AccountPages:
    """Runs one use case for each page, and renders what it returns.

    The pages work without scripts. Scripts keep an open page true: they count down, warn, and
    remove what is shown when the session has ended.
    """

    def __init__(
        self,
        *,
        renderer: Renderer,
        authenticator: Authenticator,
        view_user: ViewUser,
        list_sessions: ListSessions,
        list_disclosures: ListDisclosures,
        read_history: ReadHistory,
        front_ends: FrontEndRoster,
        limits: SessionLimits,
        clock: Clock,
    ) -> None:
        self._renderer = renderer
        self._authenticator = authenticator
        self._view_user = view_user
        self._list_sessions = list_sessions
        self._list_disclosures = list_disclosures
        self._read_history = read_history
        self._front_ends = front_ends
        self._limits = limits
        self._clock = clock
        self._notices = NoticeCookie(secure=renderer.site.is_https)

    @property
    def routes(self) -> list[BaseRoute]:
        """The pages. Each says so if there is no session."""
        return [
            Route("/", self._show_start, methods=["GET"]),
            Route("/va-success", self._show_success, methods=["GET"]),
            Route("/sessions", self._show_sessions, methods=["GET"]),
            Route("/uses", self._show_uses, methods=["GET"]),
            Route("/history", self._show_history, methods=["GET"]),
            Route("/disconnect", self._show_disconnect, methods=["GET"]),
            Route("/signed-out", self._show_signed_out, methods=["GET"]),
        ]

    async def _show_start(self, request: Request) -> Response:
        """Whether you are signed in, what you share, and the link that starts a sign-in."""
        return await self._show(request, "start.html", self._person)

    async def _show_success(self, request: Request) -> Response:
        """Who is signed in, until when, and where to go on."""
        return await self._show(
            request, "va_success.html", self._person, return_to=return_path(request)
        )

    async def _show_sessions(self, request: Request) -> Response:
        """Where you are signed in, with ways to sign out."""
        return await self._show(request, "sessions.html", self._sessions)

    async def _show_uses(self, request: Request) -> Response:
        """Your VA connection: who used it, when and what for."""
        return await self._show(request, "uses.html", self._uses)

    async def _show_history(self, request: Request) -> Response:
        """What happened to your account, and all of it as a file."""
        return await self._show(request, "history.html", self._history)

    async def _show_disconnect(self, request: Request) -> Response:
        """What disconnecting VA means, and the button for it."""
        return await self.show_disconnect(request, fresh_sign_in_needed=False)

    async def show_disconnect(self, request: Request, *, fresh_sign_in_needed: bool) -> Response:
        """What disconnecting VA means, and whether a new sign-in is needed first."""
        status = HTTPStatus.FORBIDDEN if fresh_sign_in_needed else HTTPStatus.OK
        return await self._show(
            request,
            "disconnect.html",
            self._nothing_more,
            status=status,
            fresh_sign_in_needed=fresh_sign_in_needed,
        )

    async def _show_signed_out(self, request: Request) -> Response:
        """Where a sign-out leads. Who is signed in goes on to their session."""
        try:
            await self._authenticator.session(request, front_end=SETTINGS_FRONT_END)
        except UnauthenticatedError:
            notice = self._notices.read(request)
            response = self._renderer.page(
                request, "signed_out.html", notice=self._words(request, notice)
            )
            self._notices.clear(response)
            return response
        except UnavailableError:
            return self._page(request, "va_success.html", PageState.UNAVAILABLE, return_to=None)
        return RedirectResponse(
            f"{self._renderer.site.base}/va-success", status_code=HTTPStatus.SEE_OTHER
        )

    async def _show(
        self,
        request: Request,
        template: str,
        read: _Reader,
        *,
        status: int = HTTPStatus.OK,
        **context: Any,
    ) -> Response:
        try:
            valid = await self._authenticator.session(request, front_end=SETTINGS_FRONT_END)
            account = {
                "session": session_fields(valid, self._limits)
                | {"answered_at": round(self._clock.now().timestamp() * 1000)},
                **await read(request, valid),
            }
        except UnauthenticatedError:
            return self._page(request, template, PageState.ENDED, **context)
        except UnavailableError:
            return self._page(request, template, PageState.UNAVAILABLE, **context)
        notice = self._notices.read(request)
        response = self._page(
            request,
            template,
            PageState.SIGNED_IN,
            account=account,
            status=status,
            notice=self._words(request, notice),
            **context,
        )
        if notice is not None:
            self._notices.clear(response)
        return response

    def _page(
        self,
        request: Request,
        template: str,
        state: PageState,
        *,
        account: _Account | None = None,
        status: int = HTTPStatus.OK,
        notice: str | None = None,
        **context: Any,
    ) -> Response:
        if state is PageState.UNAVAILABLE:
            status = HTTPStatus.SERVICE_UNAVAILABLE
        response = self._renderer.page(
            request,
            template,
            status=status,
            state=state,
            account=account,
            notice=notice,
            is_scripted=False,
            may_have_lapsed=self._limits.token < self._limits.idle,
            **FORM_PATHS,
            **context,
        )
        response.headers.update(_FORM_HEADERS)
        if state is PageState.UNAVAILABLE:
            response.headers["Retry-After"] = "2"
        return response

    def _words(self, request: Request, notice: Any) -> str | None:
        return None if notice is None else self._translate(request)(notice.message)

    def _translate(self, request: Request) -> Translate:
        return translation(self._renderer.language(request))

    async def _nothing_more(self, _request: Request, _valid: ValidSession) -> _Account:
        return {}

    async def _person(self, _request: Request, valid: ValidSession) -> _Account:
        profile = await self._view_user.execute(valid.session.user_id)
        user = profile.user
        fields = session_fields(valid, self._limits)
        ends_at = valid.claims.expires_at
        return {
            "name": _name(user),
            "initials": "".join(name[0] for name in _names(user)).upper(),
            "email": user.email,
            "status": user.status,
            "va_sign_in_needed": profile.needs_va_sign_in,
            "expires_at": ends_at,
            "left": max(ends_at - self._clock.now(), ends_at - ends_at),
            "can_extend": fields["can_extend"],
        }

    async def _sessions(self, request: Request, valid: ValidSession) -> _Account:
        found = await self._list_sessions.execute(valid.session.user_id)
        translate = self._translate(request)
        current = valid.session.session_id
        names = await self._front_ends.names({session.front_end for session in found})
        shown = {
            session.id: _place(session, names.get(session.front_end, ""), translate)
            for session in found
        }
        return {"here": shown.pop(current, None), "others": list(shown.values())}

    async def _uses(self, request: Request, valid: ValidSession) -> _Account:
        after = _after(request)
        page = await self._list_disclosures.execute(valid.session.user_id, after=after)
        translate = self._translate(request)
        return {
            "uses": [
                {
                    "client": each.client_name,
                    "purpose": each.purpose and translate(each.purpose.plain_name),
                    "used_at": each.mark.occurred_at,
                }
                for each in page.disclosures
            ],
            "next": page.next and text_of(page.next),
        }

    async def _history(self, request: Request, valid: ValidSession) -> _Account:
        command = ReadHistoryCommand(user_id=valid.session.user_id, after=_after(request))
        page = await self._read_history.execute(command)
        translate = self._translate(request)
        return {
            "events": [
                {
                    "summary": in_plain_words(
                        each.type,
                        each.details,
                        client_name=each.client_name,
                        front_end_name=each.front_end_name,
                        translate=translate,
                    ),
                    "occurred_at": each.occurred_at,
                    "device": each.user_agent and device_name(each.user_agent, translate),
                    "reference": each.reference,
                }
                for each in page.events
            ],
            "next": page.next and text_of(page.next),
        }


def _place(session: Session, front_end: str, translate: Translate) -> _Account:
    return {
        "session_id": str(session.id),
        "device": device_name(session.user_agent, translate),
        "front_end": front_end,
        "issued_at": session.issued_at,
        "renewed_at": session.renewed_at,
        "expires_at": session.expires_at,
    }


def _names(user: User) -> list[str]:
    return [name for name in (user.given_name, user.family_name) if name]


def _name(user: User) -> str | None:
    return " ".join(_names(user)) or None


def _after(request: Request) -> AuditMark | None:
    try:
        text = single_values(request, ["after"]).get("after")
        return None if text is None else mark_of(text)
    except (MalformedParametersError, ValueError):
        raise HTTPException(HTTPStatus.NOT_FOUND) from None
