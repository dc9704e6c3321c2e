"""The console as an ASGI application."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Final, final

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from application.errors import ApplicationError
from application.query_parameters import MalformedParametersError
from domain.errors import (
    DomainError,
    InvalidICNError,
    InvalidReasonError,
    InvalidServiceClientError,
)
from entrypoints.console.acts import HOME, Act
from entrypoints.console.gate import Gate
from entrypoints.console.renderer import ConsoleRenderer
from entrypoints.metrics.measurements import Measurements
from entrypoints.web.errors import problem, respond, respond_to_http
from entrypoints.web.middleware import LastResort, Surroundings
from entrypoints.web.routing import get_only

_STATIC: Final = Path(__file__).parent / "pages" / "static"
_TITLES: Final = {
    HTTPStatus.NOT_FOUND: ("Not found", "There is no such page, person, session or back end."),
    HTTPStatus.FORBIDDEN: (
        "You may not do this",
        (
            "Your role doesn't include it, or the request didn't come from a page of this session. "
            "Nothing was changed."
        ),
    ),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        "This page can't be opened this way",
        "Go back to the console and use its links.",
    ),
    HTTPStatus.CONFLICT: (
        "Somebody else changed the same data",
        "Nothing was changed. Look at the person again, and try again.",
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: (
        "Something that the console needs did not answer",
        "Nothing was changed, unless the page of the person says otherwise. Try again.",
    ),
}
_OUR_FAULT: Final = ("Something went wrong", "The log says what.")
_THEIR_FAULT: Final = (
    "The console couldn't read this",
    "Nothing was changed. Go back and correct it.",
)


@final
class _Deadline:
    """One deadline for all database work of a request."""

    def __init__(
        self, app: ASGIApp, *, deadline: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._app = app
        self._deadline = deadline

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        with self._deadline():
            await self._app(scope, receive, send)


@final
class ConsolePages:
    """The pages of errors."""

    def __init__(self, renderer: ConsoleRenderer) -> None:
        self._renderer = renderer

    def instead_of(self, _scope: Scope, given: Response, text: str = "") -> Response:
        """A page with the status of a problem document."""
        status = HTTPStatus(given.status_code)
        otherwise = _OUR_FAULT if status >= HTTPStatus.INTERNAL_SERVER_ERROR else _THEIR_FAULT
        title, standard = _TITLES.get(status, otherwise)
        response = self._renderer.page(
            "message.html",
            status=status,
            title=title,
            text=text or standard,
            back=HOME,
            way_on="Go to the console",
        )
        headers: Headers = given.headers
        for name in ("Allow", "Retry-After"):
            if name in headers:
                response.headers[name] = headers[name]
        return response

    async def of_error(self, request: Request, error: Exception) -> Response:
        """The page of a DomainError or an ApplicationError."""
        return self.instead_of(request.scope, await respond(request, error), _said(error))

    async def of_http(self, request: Request, error: Exception) -> Response:
        """The page of an HTTPException."""
        return self.instead_of(request.scope, await respond_to_http(request, error))

    async def of_parameters(self, request: Request, _error: Exception) -> Response:
        """The page of a form that can't be read."""
        return self.instead_of(request.scope, problem(HTTPStatus.BAD_REQUEST, "bad_request"))


def _said(error: Exception) -> str:
    """What the operator did wrong, if they can correct it. Never what they typed."""
    if isinstance(error, InvalidICNError):
        return "The ICN must be ten digits, a V and six digits. Nothing was changed."
    if isinstance(error, InvalidReasonError):
        return f"The reason {error}. Nothing was changed."
    if isinstance(error, InvalidServiceClientError):
        return f"The back end can't be changed like this: {error}. Nothing was changed."
    return ""


def console_app(
    *,
    gate: Gate,
    acts: Iterable[Act],
    open_routes: Iterable[BaseRoute],
    renderer: ConsoleRenderer,
    measurements: Measurements,
    deadline: Callable[[], AbstractContextManager[None]],
    is_public_https: bool,
    lifetimes: Callable[[], AbstractAsyncContextManager[object]],
) -> Starlette:
    """The application. Its lifespan enters ``lifetimes``.

    Args:
        gate: Guards the acts.
        acts: What operators can do.
        open_routes: The routes of those who aren't signed in.
        renderer: Makes the pages.
        measurements: The counters of this process.
        deadline: For the database work of one request.
        is_public_https: Whether browsers reach the console over TLS.
        lifetimes: What is open while the application runs.
    """

    async def home(_request: Request) -> Response:
        return RedirectResponse(HOME, HTTPStatus.SEE_OTHER)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with lifetimes():
            yield

    pages = ConsolePages(renderer)
    app = Starlette(
        routes=[
            get_only("/", home),
            *open_routes,
            *(gate.route(act) for act in acts),
            Mount(f"{HOME}/static", StaticFiles(directory=_STATIC), name="static"),
        ],
        lifespan=lifespan,
        middleware=[
            Middleware(Surroundings, is_public_https=is_public_https, measurements=measurements),
            Middleware(LastResort, instead_of=pages.instead_of),
            Middleware(_Deadline, deadline=deadline),
        ],
        exception_handlers={
            ApplicationError: pages.of_error,
            DomainError: pages.of_error,
            MalformedParametersError: pages.of_parameters,
            HTTPException: pages.of_http,
        },
    )
    app.router.redirect_slashes = False
    return app
