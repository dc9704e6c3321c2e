"""A Starlette back end whose API is for those with a VetAssist session.

VETASSIST_URL=http://localhost:8000 uvicorn examples.starlette_backend.app:app --port 9000
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypedDict

from starlette.applications import Starlette
from starlette.authentication import (
    AuthCredentials,
    AuthenticationBackend,
    AuthenticationError,
    BaseUser,
)
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from examples.session_check import Caller, Refused, SessionCheck

# -- what a back end of yours needs ---------------------------------------------------------


class State(TypedDict):
    """What the lifespan opens."""

    sessions: SessionCheck


@asynccontextmanager
async def lifespan(_app: Starlette) -> AsyncIterator[State]:
    """Keep connections to the session service for as long as the back end runs."""
    async with SessionCheck.opened(os.environ["VETASSIST_URL"]) as sessions:
        yield {"sessions": sessions}


class VetAssistUser(BaseUser):
    """The `request.user` of a request that is let in."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller


class RefusedError(AuthenticationError):
    """Carries the answer through Starlette."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.status)
        self.refused = refused


class VetAssistSession(AuthenticationBackend):
    """Lets a request in that has a session, and no other."""

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser]:
        """Ask for each request anew: a session may have ended a moment ago."""
        # A WebSocket has no method, and must not be opened by another site either.
        method = conn.scope.get("method", "POST")
        try:
            caller = await conn.state.sessions.caller(method, conn.headers.raw)
        except Refused as refused:
            raise RefusedError(refused) from refused
        return AuthCredentials(["authenticated"]), VetAssistUser(caller)


def refuse(_conn: HTTPConnection, error: AuthenticationError) -> Response:
    """Pass on 401 and 403 as they are, and 503 for an outage of the session service."""
    assert isinstance(error, RefusedError)  # noqa: S101 - the one above raises no other
    refused = error.refused
    return JSONResponse({"error": refused.status}, refused.status, headers=refused.headers)


require_session = Middleware(AuthenticationMiddleware, backend=VetAssistSession(), on_error=refuse)

# -- the back end itself --------------------------------------------------------------------


async def alive(_request: Request) -> Response:
    """Open to everybody."""
    return JSONResponse({"status": "alive"})


async def who_am_i(request: Request) -> Response:
    """Behind the session."""
    caller = request.user.caller
    return JSONResponse({"user_id": str(caller.user_id), "session_id": str(caller.session_id)})


app = Starlette(
    lifespan=lifespan,
    routes=[
        Route("/healthz", alive),
        Mount(
            "/api",
            routes=[Route("/me", who_am_i, methods=["GET", "POST"])],
            middleware=[require_session],
        ),
    ],
)
