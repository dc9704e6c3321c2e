"""The caller's own sessions."""

from http import HTTPStatus
from typing import Any, Final, final
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from application.errors import UnauthenticatedError
from application.use_cases.history.view_user import ViewUser
from application.use_cases.sessions.list_sessions import ListSessions
from application.use_cases.sessions.revoke_sessions import (
    RevokeSessions,
    RevokeSessionsCommand,
    Which,
)
from application.use_cases.sessions.sign_out import SignOut, SignOutCommand
from application.use_cases.sessions.validate_session import ValidSession
from domain.front_end import FrontEndId, parse_front_end_id
from domain.identifiers import SessionId
from domain.session import Session
from domain.session_limits import SessionLimits, SessionOutlook
from entrypoints.web.authentication import Authenticator
from entrypoints.web.calling_front_ends import CallingFrontEnds
from entrypoints.web.devices import device_name
from entrypoints.web.languages import LanguageCookie, Translate, headers_of, translation
from entrypoints.web.parameters import MalformedParametersError, single_values
from entrypoints.web.routing import REST, get_only
from entrypoints.web.timestamps import rfc3339
from entrypoints.web.visitors import VisitorReader

VERIFY_PATH: Final = "/api/v1/verify"
#: The same for the sessions of one front end. Whoever sets up the proxy writes the id: it's in the
#: path, because Envoy appends the client's path and query.
FRONT_ENDS_PATH: Final = "/api/v1/front-ends"
OWN_VERIFY_PATH: Final = f"{FRONT_ENDS_PATH}/{{front_end_id:str}}/verify"
VERIFY_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")

# The headers with the method of the client: from Traefik and Caddy, and from ingress-nginx.
_METHOD_HEADERS: Final = ("x-forwarded-method", "x-original-method")
_EXCEPT: Final = "except"
_CURRENT: Final = "current"


@final
class SessionEndpoints:
    """Parses the request, runs one use case, and renders the result."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        list_sessions: ListSessions,
        sign_out: SignOut,
        revoke_sessions: RevokeSessions,
        view_user: ViewUser,
        visitors: VisitorReader,
        front_ends: CallingFrontEnds,
        languages: LanguageCookie,
    ) -> None:
        self._authenticator = authenticator
        self._list_sessions = list_sessions
        self._sign_out = sign_out
        self._revoke_sessions = revoke_sessions
        self._view_user = view_user
        self._visitors = visitors
        self._front_ends = front_ends
        self._languages = languages

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes. All but the sign-out need a session that stands."""
        return [
            get_only("/api/v1/session", self.show),
            Route("/api/v1/session", self.log_out, methods=["DELETE"]),
            get_only("/api/v1/sessions", self.list),
            Route("/api/v1/sessions", self.revoke_several, methods=["DELETE"]),
            Route("/api/v1/sessions/{session_id:str}", self.revoke_one, methods=["DELETE"]),
            get_only("/api/v1/user", self.show_user),
            get_only(VERIFY_PATH, self.verify),
            # Envoy uses the method of the client's request, and appends its path.
            Route(f"{VERIFY_PATH}/{{path:{REST}}}", self.verify, methods=VERIFY_METHODS),
            get_only(OWN_VERIFY_PATH, self.verify),
            Route(f"{OWN_VERIFY_PATH}/{{path:{REST}}}", self.verify, methods=VERIFY_METHODS),
        ]

    async def show(self, request: Request) -> Response:
        """The caller's session, and how long it lasts."""
        valid = await self._authenticator.session(request)
        limits = self._front_ends.roster.limits_of(valid.session.front_end)
        return JSONResponse(session_fields(valid, limits))

    async def show_user(self, request: Request) -> Response:
        """The user that the caller is signed in as."""
        valid = await self._authenticator.session(request)
        profile = await self._view_user.execute(valid.session.user_id)
        user = profile.user
        last_login = user.last_login_at
        return JSONResponse(
            {
                "user_id": str(user.id),
                "given_name": user.given_name,
                "family_name": user.family_name,
                "email": user.email,
                "veteran_status": user.status.value,
                "last_login_at": None if last_login is None else rfc3339(last_login),
                "va_sign_in_needed": profile.needs_va_sign_in,
            }
        )

    async def verify(self, request: Request) -> Response:
        """Tell a proxy whether to let a request through, of one front end or of any."""
        methods = [each for name in _METHOD_HEADERS for each in request.headers.getlist(name)]
        valid = await self._authenticator.forwarded(
            request, front_end=_asked_front_end(request), methods=methods
        )
        return Response(
            headers={
                "X-Auth-User": str(valid.session.user_id),
                "X-Auth-Session": str(valid.session.session_id),
            }
        )

    async def list(self, request: Request) -> Response:
        """The caller's sessions."""
        valid = await self._authenticator.session(request)
        sessions = await self._list_sessions.execute(valid.session.user_id)
        current = valid.session.session_id
        language = self._languages.language(request)
        names = await self._front_ends.roster.names({each.front_end for each in sessions})
        shown = [
            _shown(each, current, names.get(each.front_end), translation(language))
            for each in sessions
        ]
        return JSONResponse({"sessions": shown}, headers=headers_of(language))

    async def log_out(self, request: Request) -> Response:
        """End the caller's session, although its JWT may have expired."""
        proof = self._authenticator.sign_out_proof(request)
        visitor = self._visitors.read(request)
        await self._sign_out.execute(SignOutCommand(proof=proof, visitor=visitor))
        response = Response(status_code=HTTPStatus.NO_CONTENT)
        self._front_ends.cookies(request).clear(response)
        return response

    async def revoke_one(self, request: Request) -> Response:
        """End one of the caller's sessions."""
        valid = await self._authenticator.session(request)
        try:
            session_id = SessionId(UUID(request.path_params["session_id"]))
        except ValueError:
            raise HTTPException(HTTPStatus.NOT_FOUND) from None
        return await self._revoke(request, valid, session_id)

    async def revoke_several(self, request: Request) -> Response:
        """End all of the caller's sessions, or all others."""
        valid = await self._authenticator.session(request)
        try:
            spared = single_values(request, [_EXCEPT]).get(_EXCEPT)
        except MalformedParametersError:
            raise HTTPException(HTTPStatus.BAD_REQUEST) from None
        if spared not in {None, _CURRENT}:
            raise HTTPException(HTTPStatus.BAD_REQUEST)
        which = Which.ALL if spared is None else Which.ALL_BUT_CURRENT
        return await self._revoke(request, valid, which)

    async def _revoke(
        self, request: Request, valid: ValidSession, which: SessionId | Which
    ) -> Response:
        current = valid.session.session_id
        await self._revoke_sessions.execute(
            RevokeSessionsCommand(
                user_id=valid.session.user_id,
                current=current,
                which=which,
                visitor=self._visitors.read(request),
            )
        )
        response = Response(status_code=HTTPStatus.NO_CONTENT)
        if which in {current, Which.ALL}:
            self._front_ends.cookies(request).clear(response)
        return response


def session_fields(valid: ValidSession, limits: SessionLimits) -> dict[str, Any]:
    """A session and its limits, as JSON."""
    session = valid.session
    outlook = SessionOutlook.of(
        token_expires_at=valid.claims.expires_at,
        expires_at=session.expires_at,
        absolute_expires_at=session.absolute_expires_at,
        limits=limits,
    )
    return {
        "session_id": str(session.session_id),
        "user_id": str(session.user_id),
        "issued_at": rfc3339(session.issued_at),
        "renewed_at": rfc3339(session.renewed_at),
        "expires_at": rfc3339(valid.claims.expires_at),
        "va_linked": True,
    } | outlook_fields(outlook)


def outlook_fields(outlook: SessionOutlook) -> dict[str, Any]:
    """The limits that lie ahead, as JSON."""
    return {
        "idle_expires_at": rfc3339(outlook.idle_expires_at),
        "absolute_expires_at": rfc3339(outlook.absolute_expires_at),
        "can_extend": outlook.can_extend,
        "warn_at": rfc3339(outlook.warn_at),
    }


def _asked_front_end(request: Request) -> FrontEndId | None:
    """The front end that the path names, or None if it names none."""
    text = request.path_params.get("front_end_id")
    if text is None:
        return None
    front_end_id = parse_front_end_id(text)
    if front_end_id is None:
        raise UnauthenticatedError
    return front_end_id


def _shown(
    session: Session, current: SessionId, front_end: str | None, translate: Translate
) -> dict[str, Any]:
    return {
        "session_id": str(session.id),
        "device": device_name(session.user_agent, translate),
        "front_end": front_end,
        "issued_at": rfc3339(session.issued_at),
        "renewed_at": rfc3339(session.renewed_at),
        "expires_at": rfc3339(session.expires_at),
        "current": session.id == current,
    }
