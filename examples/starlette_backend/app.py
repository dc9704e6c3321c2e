"""A Starlette back end whose API requires a VetAssist session.

VETASSIST_URL=http://localhost:8000 uvicorn examples.starlette_backend.app:app --port 9000
"""

import os

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from vetassist_client import AsyncSessionCheck
from vetassist_client.asgi import RequireSession, caller_of

sessions = AsyncSessionCheck(os.environ["VETASSIST_URL"])


async def alive(_request: Request) -> Response:
    """Answers without a session."""
    return JSONResponse({"status": "alive"})


async def who_am_i(request: Request) -> Response:
    """Requires a session."""
    caller = caller_of(request.scope)
    return JSONResponse({"user_id": str(caller.user_id), "session_id": str(caller.session_id)})


app = Starlette(
    lifespan=sessions.lifespan,
    routes=[
        Route("/healthz", alive),
        Mount(
            "/api",
            routes=[Route("/me", who_am_i, methods=["GET", "POST"])],
            middleware=[Middleware(RequireSession, sessions=sessions)],
        ),
    ],
)
