"""What pages of another origin may do: those of the front end, and no others."""

from typing import final

from starlette.middleware.cors import CORSMiddleware
from starlette.types import Receive, Scope, Send

from entrypoints.web.session_endpoints import VERIFY_PATH
from entrypoints.web.token_endpoint import TOKEN_PATH


@final
class FrontEndCORS(CORSMiddleware):
    """CORS, but for a proxy's question and for a back end's.

    A preflight is answered to anybody. As the answer to a proxy that passes a client's preflight
    on, that would let the request through to a back end without a session. And no page has any
    business where back ends get VA's tokens.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http" and scope["path"].startswith((VERIFY_PATH, TOKEN_PATH)):
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)
