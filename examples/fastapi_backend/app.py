"""A FastAPI back end whose API requires a VetAssist session.

VETASSIST_URL=http://localhost:8000 uvicorn examples.fastapi_backend.app:app --port 9000
"""

import os
from typing import Annotated

from fastapi import Depends, FastAPI

from vetassist_client import AsyncSessionCheck, Caller
from vetassist_client.fastapi import SessionRequired

sessions = AsyncSessionCheck(os.environ["VETASSIST_URL"])
SignedIn = Annotated[Caller, Depends(SessionRequired(sessions))]
app = FastAPI(lifespan=sessions.lifespan)


@app.get("/healthz")
async def alive() -> dict[str, str]:
    """Answers without a session."""
    return {"status": "alive"}


@app.get("/api/me")
@app.post("/api/me")
async def who_am_i(caller: SignedIn) -> dict[str, str]:
    """Requires a session."""
    return {"user_id": str(caller.user_id), "session_id": str(caller.session_id)}
