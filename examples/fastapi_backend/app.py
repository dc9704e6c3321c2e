"""A FastAPI back end whose API requires a VetAssist session.

VETASSIST_URL=http://localhost:8000 uvicorn examples.fastapi_backend.app:app --port 9000
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, TypedDict

from fastapi import Depends, FastAPI, HTTPException, Request

from examples.session_check import Caller, Refused, SessionCheck

# -- copy this into your back end -----------------------------------------------------------


class State(TypedDict):
    """The state that the lifespan opens."""

    sessions: SessionCheck


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[State]:
    """Keeps connections to the session service open while the back end runs."""
    async with SessionCheck.opened(os.environ["VETASSIST_URL"]) as sessions:
        yield {"sessions": sessions}


async def require_session(request: Request) -> Caller:
    """Checks the session of each request, because a session can end at any time."""
    sessions: SessionCheck = request.state.sessions
    try:
        return await sessions.caller(request.method, request.headers.raw)
    except Refused as refused:
        raise HTTPException(refused.status, headers=refused.headers) from refused


SignedIn = Annotated[Caller, Depends(require_session)]

# -- your back end --------------------------------------------------------------------------

app = FastAPI(lifespan=lifespan)


@app.get("/healthz")
async def alive() -> dict[str, str]:
    """Answers without a session."""
    return {"status": "alive"}


@app.get("/api/me")
@app.post("/api/me")
async def who_am_i(caller: SignedIn) -> dict[str, str]:
    """Requires a session."""
    return {"user_id": str(caller.user_id), "session_id": str(caller.session_id)}
