"""What an orchestrator asks."""

from typing import final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from application.ports.readiness import Readiness


@final
class HealthEndpoints:
    """Alive, and ready to serve."""

    def __init__(self, *, readiness: Readiness) -> None:
        self._readiness = readiness

    @property
    def routes(self) -> list[BaseRoute]:
        """Both are open to everybody and tell nothing but yes or no."""
        return [
            Route("/healthz", self.alive, methods=["GET"]),
            Route("/readyz", self.ready, methods=["GET"]),
        ]

    async def alive(self, _request: Request) -> Response:
        """Whether the process answers."""
        return JSONResponse({"status": "alive"})

    async def ready(self, _request: Request) -> Response:
        """Whether the database is reachable and its schema current; 503 otherwise."""
        await self._readiness.check()
        return JSONResponse({"status": "ready"})
