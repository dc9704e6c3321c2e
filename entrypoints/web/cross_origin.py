"""CORS for pages of the front end."""

from typing import final

from starlette.middleware.cors import CORSMiddleware
from starlette.types import Receive, Scope, Send

from entrypoints.web.origin_guard import is_one_of
from entrypoints.web.session_endpoints import VERIFY_PATH
from entrypoints.web.token_endpoint import TOKEN_PATH


@final
class FrontEndCORS(CORSMiddleware):
    """CORS, except on the routes for proxies and back ends.

    A preflight needs no session. If a proxy forwarded a client's preflight as its check, the
    response would let the request through to a back end. And no page may use the route for VA
    tokens.
    """

    def is_allowed_origin(self, origin: str) -> bool:
        """Whether a page of this origin may call, in whatever form the origin is written."""
        return is_one_of(origin, self.allow_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http" and scope["path"].startswith((VERIFY_PATH, TOKEN_PATH)):
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)
