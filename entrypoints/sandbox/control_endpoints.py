"""The sandbox's own routes, which VA has not: faults, counters, key rotation."""

from typing import final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from entrypoints.sandbox.counted_route import REDIRECT_TARGET_PATH
from entrypoints.sandbox.world import World


@final
class ControlEndpoints:
    """Lets a test arrange the world and see what happened in it."""

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def routes(self) -> list[Route]:
        """Everything under ``/sandbox/``."""
        return [
            Route("/sandbox/faults", self.faults, methods=["GET"]),
            Route("/sandbox/faults", self.set_faults, methods=["PUT"]),
            Route("/sandbox/faults", self.clear_faults, methods=["DELETE"]),
            Route("/sandbox/counters", self.counters, methods=["GET"]),
            Route("/sandbox/rotate-keys", self.rotate_keys, methods=["POST"]),
            Route(REDIRECT_TARGET_PATH, self.redirect_target, methods=["GET", "POST"]),
        ]

    async def faults(self, _request: Request) -> Response:
        """The faults that are set."""
        return JSONResponse(self._world.faults.active())

    async def set_faults(self, request: Request) -> Response:
        """Set the faults of a plan, and no others."""
        self._world.faults.replace(await request.body())
        return JSONResponse(self._world.faults.active())

    async def clear_faults(self, _request: Request) -> Response:
        """Behave well again."""
        self._world.faults.clear()
        return Response(status_code=204)

    async def counters(self, _request: Request) -> Response:
        """What happened since the start."""
        return JSONResponse(self._world.counters.snapshot())

    async def rotate_keys(self, _request: Request) -> Response:
        """Sign with a fresh key from now on."""
        return JSONResponse({"kid": self._world.rotate_keys()})

    async def redirect_target(self, _request: Request) -> Response:
        """Where the redirect fault leads; a careful client never comes here."""
        self._world.counters.redirects_followed += 1
        return JSONResponse({})
