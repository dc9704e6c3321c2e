"""The caller's own session."""

from http import HTTPStatus
from typing import final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from application.use_cases.revoke_sessions import RevokeSessions, RevokeSessionsCommand
from application.use_cases.view_user import ViewUser
from entrypoints.web.authentication import Authenticator
from entrypoints.web.timestamps import rfc3339
from entrypoints.web.visitors import VisitorReader


@final
class SessionEndpoints:
    """Parses the request, runs one use case, renders what it returned."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        revoke_sessions: RevokeSessions,
        view_user: ViewUser,
        visitors: VisitorReader,
    ) -> None:
        self._authenticator = authenticator
        self._revoke_sessions = revoke_sessions
        self._view_user = view_user
        self._visitors = visitors

    @property
    def routes(self) -> list[BaseRoute]:
        """Every route needs a session that stands."""
        return [
            Route("/api/v1/session", self.show, methods=["GET"]),
            Route("/api/v1/session", self.log_out, methods=["DELETE"]),
            Route("/api/v1/sessions", self.log_out_everywhere, methods=["DELETE"]),
            Route("/api/v1/user", self.show_user, methods=["GET"]),
            Route("/api/v1/verify", self.verify, methods=["GET"]),
        ]

    async def show(self, request: Request) -> Response:
        """What the caller's session is."""
        valid = await self._authenticator.session(request)
        return JSONResponse(
            {
                "session_id": str(valid.session.id),
                "user_id": str(valid.session.user_id),
                "issued_at": rfc3339(valid.session.issued_at),
                "expires_at": rfc3339(valid.session.expires_at),
                "va_linked": True,
            }
        )

    async def show_user(self, request: Request) -> Response:
        """Who the caller is signed in as."""
        valid = await self._authenticator.session(request)
        user = await self._view_user.execute(valid.session.user_id)
        last_login = user.last_login_at
        return JSONResponse(
            {
                "user_id": str(user.id),
                "given_name": user.given_name,
                "family_name": user.family_name,
                "email": user.email,
                "veteran_status": user.status.value,
                "last_login_at": None if last_login is None else rfc3339(last_login),
            }
        )

    async def verify(self, request: Request) -> Response:
        """Answer a proxy that asks whether to let a request through."""
        valid = await self._authenticator.session(request)
        return Response(
            headers={
                "X-Auth-User": str(valid.session.user_id),
                "X-Auth-Session": str(valid.session.id),
            }
        )

    async def log_out(self, request: Request) -> Response:
        """End the caller's session."""
        valid = await self._authenticator.session(request)
        await self._revoke_sessions.execute(
            RevokeSessionsCommand(
                user_id=valid.session.user_id,
                session_id=valid.session.id,
                visitor=self._visitors.read(request),
            )
        )
        return Response(status_code=HTTPStatus.NO_CONTENT)

    async def log_out_everywhere(self, request: Request) -> Response:
        """End every session of the caller's, this one too."""
        valid = await self._authenticator.session(request)
        await self._revoke_sessions.execute(
            RevokeSessionsCommand(
                user_id=valid.session.user_id,
                session_id=None,
                visitor=self._visitors.read(request),
            )
        )
        return Response(status_code=HTTPStatus.NO_CONTENT)
