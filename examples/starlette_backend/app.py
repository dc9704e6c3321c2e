"""A Starlette back end whose API requires a VetAssist session.

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

# -- copy this into your back end -----------------------------------------------------------


class State(TypedDict):
    """The state that the lifespan opens."""

    sessions: SessionCheck


@asynccontextmanager
async def lifespan(_app: Starlette) -> AsyncIterator[State]:
    """Keeps connections to the session service open while the back end runs."""
    async with SessionCheck.opened(os.environ["VETASSIST_URL"]) as sessions:
        yield {"sessions": sessions}


class VetAssistUser(BaseUser):
    """The `request.user` of a request that has a session."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller


class RefusedError(AuthenticationError):
    """Passes a refusal through Starlette."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.status)
        self.refused = refused


class VetAssistSession(AuthenticationBackend):
    """Accepts only requests that have a session."""

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser]:
        """Checks the session of each request, because a session can end at any time."""
        # A WebSocket has no method. As a POST, another site can't open one.
        method = conn.scope.get("method", "POST")
        try:
            caller = await conn.state.sessions.caller(method, conn.headers.raw)
        except Refused as refused:
            raise RefusedError(refused) from refused
        return AuthCredentials(["authenticated"]), VetAssistUser(caller)


def refuse(_conn: HTTPConnection, error: AuthenticationError) -> Response:
    """Answers 401 and 403 like the session service, and 503 if it does not answer."""
    assert isinstance(error, RefusedError)  # noqa: S101 - `authenticate` raises no other
    refused = error.refused
    return JSONResponse({"error": refused.status}, refused.status, headers=refused.headers)


require_session = Middleware(AuthenticationMiddleware, backend=VetAssistSession(), on_error=refuse)

# -- your back end --------------------------------------------------------------------------


async def alive(_request: Request) -> Response:
    """Answers without a session."""
    return JSONResponse({"status": "alive"})


async def who_am_i(request: Request) -> Response:
    """Requires a session."""
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
