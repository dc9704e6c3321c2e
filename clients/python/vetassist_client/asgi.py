"""An ASGI middleware that serves only requests with a session. It fits any ASGI framework."""

import json
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from typing import Any, Final, final

from vetassist_client.errors import RequestRefusedError
from vetassist_client.question import Caller
from vetassist_client.session_check import AsyncSessionCheck

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_CALLER: Final = "vetassist_caller"
_POLICY_VIOLATION: Final = 1008
#: The event types of a response, by the type of the connection that is refused.
_DENIALS: Final = {"http": "http.response", "websocket": "websocket.http.response"}


def caller_of(scope: Mapping[str, Any]) -> Caller:
    """Returns the caller of a request that ``RequireSession`` let in.

    Args:
        scope: The ASGI scope: `request.scope` in Starlette and FastAPI.

    Raises:
        LookupError: The request didn't pass the middleware.
    """
    caller: Caller | None = scope.get("state", {}).get(_CALLER)
    if caller is None:
        raise LookupError("no RequireSession middleware let this request in")
    return caller


@final
class RequireSession:
    """Checks the session of each request, because a session can end at any time.

    Put it inside of a middleware for CORS, because a preflight has no session. The handshake of a
    WebSocket counts as an unsafe request, so no other site can open one with the user's cookie.

    Args:
        app: The app that needs a session.
        sessions: The check. Close it at the end of the app.
        open_paths: Paths that need no session, each in full, such as "/healthz".
    """

    def __init__(
        self, app: ASGIApp, *, sessions: AsyncSessionCheck, open_paths: Collection[str] = ()
    ) -> None:
        self._app = app
        self._sessions = sessions
        self._open_paths = frozenset(open_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        if scope["type"] not in _DENIALS or scope["path"] in self._open_paths:
            await self._app(scope, receive, send)
            return
        try:
            caller = await self._sessions.caller(scope.get("method", "POST"), scope["headers"])
        except RequestRefusedError as refusal:
            await _refuse(refusal, scope, receive, send)
            return
        state = {**scope.get("state", {}), _CALLER: caller}
        await self._app({**scope, "state": state}, receive, send)


async def _refuse(refusal: RequestRefusedError, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        # The handshake has to be received before it is answered.
        await receive()
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
            return
    body = json.dumps(
        {"type": "about:blank", "title": refusal.status.phrase, "status": refusal.status}
    ).encode()
    headers = refusal.headers | {
        "Content-Type": "application/problem+json",
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
    }
    response = _DENIALS[scope["type"]]
    await send(
        {
            "type": f"{response}.start",
            "status": int(refusal.status),
            "headers": [(name.lower().encode(), text.encode()) for name, text in headers.items()],
        }
    )
    await send({"type": f"{response}.body", "body": body})
