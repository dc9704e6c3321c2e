"""Routes that only the sandbox has: faults, counters, and key rotation."""

from typing import final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from entrypoints.sandbox.counted_route import REDIRECT_TARGET_PATH
from entrypoints.sandbox.world import World


@final
class ControlEndpoints:
    """Lets a test set up the world and inspect what happened in it."""

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def routes(self) -> list[Route]:
        """All routes under ``/sandbox/``."""
        return [
            Route("/sandbox/faults", self.faults, methods=["GET"]),
            Route("/sandbox/faults", self.set_faults, methods=["PUT"]),
            Route("/sandbox/faults", self.clear_faults, methods=["DELETE"]),
            Route("/sandbox/counters", self.counters, methods=["GET"]),
            Route("/sandbox/rotate-keys", self.rotate_keys, methods=["POST"]),
            Route(REDIRECT_TARGET_PATH, self.redirect_target, methods=["GET", "POST"]),
        ]

    async def faults(self, _request: Request) -> Response:
        """Returns the active faults."""
        return JSONResponse(self._world.faults.active())

    async def set_faults(self, request: Request) -> Response:
        """Replaces all faults with those of a plan."""
        self._world.faults.replace(await request.body())
        return JSONResponse(self._world.faults.active())

    async def clear_faults(self, _request: Request) -> Response:
        """Clears all faults."""
        self._world.faults.clear()
        return Response(status_code=204)

    async def counters(self, _request: Request) -> Response:
        """Returns what was counted since the start."""
        return JSONResponse(self._world.counters.snapshot())

    async def rotate_keys(self, _request: Request) -> Response:
        """Signs with a new key from now on."""
        return JSONResponse({"kid": self._world.rotate_keys()})

    async def redirect_target(self, _request: Request) -> Response:
        """Counts a client that followed the redirect fault. A careful client doesn't."""
        self._world.counters.redirects_followed += 1
        return JSONResponse({})
