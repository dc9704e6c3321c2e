"""The simulated VA as an ASGI application."""

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from entrypoints.sandbox.control_endpoints import ControlEndpoints
from entrypoints.sandbox.errors import (
    AuthorizationRefusedError,
    FaultPlanError,
    InsufficientScopeError,
    InvalidTokenError,
    OAuthError,
    RefusalError,
    UnknownRequestError,
)
from entrypoints.sandbox.fault_answers import va_error
from entrypoints.sandbox.faults import Endpoint
from entrypoints.sandbox.oauth_endpoints import OAuthEndpoints, back_to_client
from entrypoints.sandbox.operators import OperatorEndpoints
from entrypoints.sandbox.settings import SandboxSettings
from entrypoints.sandbox.sign_in_pages import ASSETS, SignInPages
from entrypoints.sandbox.status_endpoints import StatusEndpoints
from entrypoints.sandbox.world import World

_API_PREFIX: Final = "/services"


def create_sandbox(settings: SandboxSettings, *, world: World | None = None) -> Starlette:
    """Returns the application. Its world is available as ``app.state.world``."""
    world = world or World(settings)
    pages = SignInPages(settings)

    async def home(_request: Request) -> Response:
        return pages.message(
            "A simulated VA",
            "You can't start here. Open the service that signs Veterans in and start there.",
        )

    operators = (
        [] if settings.console is None else OperatorEndpoints(settings.console, pages).routes
    )
    app = Starlette(
        routes=[
            *operators,
            *OAuthEndpoints(world, pages).routes,
            *StatusEndpoints(world).routes,
            *ControlEndpoints(world).routes,
            Route("/", home),
            ASSETS,
        ],
        exception_handlers={RefusalError: _refusals(pages)},
    )
    app.state.world = world
    return app


def _refusals(pages: SignInPages) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def respond(request: Request, refusal: Exception) -> Response:
        match refusal:
            case OAuthError(error=error, description=description, status=status):
                body = {"error": error, "error_description": description}
                headers = {"WWW-Authenticate": "Basic"} if status == 401 else {}  # noqa: PLR2004
                return JSONResponse(body, status, {"Cache-Control": "no-store", **headers})
            case AuthorizationRefusedError(error=error, description=description, state=state):
                answer = {"error": error, "error_description": description}
                return back_to_client(
                    refusal.redirect_uri, answer if state is None else {**answer, "state": state}
                )
            case UnknownRequestError():
                return pages.message(
                    "This sign-in can't continue",
                    "It has already ended, or it took too long. "
                    "Go back to where you came from and sign in again.",
                    status=400,
                )
            case InvalidTokenError():
                # VA doesn't document how userinfo refuses a token, so this is its API gateway's
                # answer.
                return va_error(
                    Endpoint.STATUS,
                    401,
                    headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
                )
            case InsufficientScopeError():
                path = request.url.path.removeprefix(_API_PREFIX)
                error = "Token not granted requested scope."
                return JSONResponse({"status": "403", "error": error, "path": path}, 403)
            case FaultPlanError():
                return JSONResponse({"detail": str(refusal)}, 400)
            case _:
                raise refusal

    return respond
