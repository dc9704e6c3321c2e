"""VA's Veteran status API."""

from typing import Final, final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from entrypoints.sandbox.counted_route import counted_route
from entrypoints.sandbox.documents import STATUS_PATH
from entrypoints.sandbox.faults import Endpoint
from entrypoints.sandbox.parameters import bearer_token
from entrypoints.sandbox.world import World

_LIMIT: Final = 120
_WINDOW_SECONDS: Final = 60


@final
class StatusEndpoints:
    """Returns the status of the Veteran whose access token is sent."""

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def routes(self) -> list[Route]:
        """The status route."""
        return [counted_route(self._world, Endpoint.STATUS, STATUS_PATH, self.status, "GET")]

    async def status(self, request: Request) -> Response:
        """Returns whether VA confirms the Veteran's status."""
        document = self._world.veteran_status(bearer_token(request))
        return JSONResponse(
            document, headers={"Cache-Control": "no-cache, no-store", **self._rate_limit()}
        )

    def _rate_limit(self) -> dict[str, str]:
        # VA sends these headers. The sandbox doesn't enforce the limit: set a fault to get 429.
        limit, remaining = str(_LIMIT), str(_LIMIT - 1)
        return {
            "RateLimit-Limit": limit,
            "RateLimit-Remaining": remaining,
            "RateLimit-Reset": str(_WINDOW_SECONDS - int(self._world.clock()) % _WINDOW_SECONDS),
            "X-RateLimit-Limit-Minute": limit,
            "X-RateLimit-Remaining-Minute": remaining,
        }
