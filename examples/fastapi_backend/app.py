"""A FastAPI back end whose API is for those with a VetAssist session.

VETASSIST_URL=http://localhost:8000 uvicorn examples.fastapi_backend.app:app --port 9000
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, TypedDict

from fastapi import Depends, FastAPI, HTTPException, Request

from examples.session_check import Caller, Refused, SessionCheck

# -- what a back end of yours needs ---------------------------------------------------------


class State(TypedDict):
    """What the lifespan opens."""

    sessions: SessionCheck


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[State]:
    """Keep connections to the session service for as long as the back end runs."""
    async with SessionCheck.opened(os.environ["VETASSIST_URL"]) as sessions:
        yield {"sessions": sessions}


async def require_session(request: Request) -> Caller:
    """Ask for each request anew: a session may have ended a moment ago."""
    sessions: SessionCheck = request.state.sessions
    try:
        return await sessions.caller(request.method, request.headers.raw)
    except Refused as refused:
        raise HTTPException(refused.status, headers=refused.headers) from refused


SignedIn = Annotated[Caller, Depends(require_session)]

# -- the back end itself --------------------------------------------------------------------

app = FastAPI(lifespan=lifespan)


@app.get("/healthz")
async def alive() -> dict[str, str]:
    """Open to everybody."""
    return {"status": "alive"}


@app.get("/api/me")
@app.post("/api/me")
async def who_am_i(caller: SignedIn) -> dict[str, str]:
    """Behind the session."""
    return {"user_id": str(caller.user_id), "session_id": str(caller.session_id)}
