"""What an orchestrator asks."""

from http import HTTPStatus
from typing import Final, final

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from application.ports.readiness import Readiness
from entrypoints.web.errors import problem

_log: Final = structlog.stdlib.get_logger("vetassist.health")


@final
class HealthEndpoints:
    """Alive, and ready to serve."""

    def __init__(self, *, readiness: Readiness) -> None:
        self._readiness = readiness

    @property
    def routes(self) -> list[BaseRoute]:
        """Both are open to everybody; they say what fails, and nothing of how it is set up."""
        return [
            Route("/healthz", self.alive, methods=["GET"]),
            Route("/readyz", self.ready, methods=["GET"]),
        ]

    async def alive(self, _request: Request) -> Response:
        """Whether the process answers."""
        return JSONResponse({"status": "alive"})

    async def ready(self, _request: Request) -> Response:
        """Whether a request could be served; 503 otherwise, with the checks that fail."""
        failing = await self._readiness.failing()
        if failing:
            _log.warning("not_ready", failing=sorted(failing))
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, "not_ready", failing=sorted(failing))
        return JSONResponse({"status": "ready"})
