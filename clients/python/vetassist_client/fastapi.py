"""Dependencies of FastAPI routes. Needs the extra ``vetassist-client[fastapi]``."""

from typing import Final, final

from fastapi import HTTPException
from fastapi.openapi.models import HTTPBearer
from fastapi.requests import HTTPConnection
from fastapi.security.base import SecurityBase

from vetassist_client.errors import NoSessionError, RequestRefusedError
from vetassist_client.question import Caller
from vetassist_client.session_check import AsyncSessionCheck

_DESCRIPTION: Final = "VetAssist's JWT. With `cookie` delivery, the browser sends it in a cookie."


class _SessionDependency(SecurityBase):
    """Appears as a security scheme in the app's OpenAPI description.

    Args:
        sessions: The check. Close it at the end of the app.
        changes_state: The route changes something although its method is a safe one, such as GET.
            Then no other site can make the request with the user's cookie.
    """

    def __init__(self, sessions: AsyncSessionCheck, *, changes_state: bool = False) -> None:
        self.model = HTTPBearer(bearerFormat="JWT", description=_DESCRIPTION)
        self.scheme_name = "VetAssist session"
        self._sessions = sessions
        self._changes_state = changes_state

    async def _caller(self, connection: HTTPConnection) -> Caller:
        # The handshake of a WebSocket has no method, and counts as an unsafe request.
        method = "POST" if self._changes_state else connection.scope.get("method", "POST")
        return await self._sessions.caller(method, connection.headers.raw)


@final
class SessionRequired(_SessionDependency):
    """The route needs a session.

    Example::

        sessions = AsyncSessionCheck("https://api.example.org")
        SignedIn = Annotated[Caller, Depends(SessionRequired(sessions))]
    """

    async def __call__(self, connection: HTTPConnection) -> Caller:
        """Returns the caller.

        Raises:
            HTTPException: 401, 403 or 503. Its cause is a ``RequestRefusedError``.
        """
        try:
            return await self._caller(connection)
        except RequestRefusedError as refusal:
            raise _response(refusal) from refusal


@final
class SessionOptional(_SessionDependency):
    """The route serves everyone, and knows who is signed in."""

    async def __call__(self, connection: HTTPConnection) -> Caller | None:
        """Returns the caller, or None without a session.

        Raises:
            HTTPException: 403 or 503. Its cause is a ``RequestRefusedError``.
        """
        try:
            return await self._caller(connection)
        except NoSessionError:
            return None
        except RequestRefusedError as refusal:
            raise _response(refusal) from refusal


def _response(refusal: RequestRefusedError) -> HTTPException:
    return HTTPException(refusal.status, headers={**refusal.headers, "Cache-Control": "no-store"})
