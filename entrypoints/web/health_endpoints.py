"""Health checks for orchestrators."""

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
    """Says whether the process is alive, and whether it is ready."""

    def __init__(self, *, readiness: Readiness) -> None:
        self._readiness = readiness

    @property
    def routes(self) -> list[BaseRoute]:
        """Both routes are public. They say what fails, but not how the service is configured."""
        return [
            Route("/healthz", self.alive, methods=["GET"]),
            Route("/readyz", self.ready, methods=["GET"]),
        ]

    async def alive(self, _request: Request) -> Response:
        """Whether the process answers."""
        return JSONResponse({"status": "alive"})

    async def ready(self, _request: Request) -> Response:
        """Whether the service is ready. If not, 503 with the failing checks."""
        failing = await self._readiness.failing()
        if failing:
            _log.warning("not_ready", failing=sorted(failing))
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, "not_ready", failing=sorted(failing))
        return JSONResponse({"status": "ready"})
