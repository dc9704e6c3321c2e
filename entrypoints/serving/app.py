"""The ASGI application."""

import gc
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from application.errors import ApplicationError
from domain.errors import DomainError
from entrypoints.container import Container
from entrypoints.logs import configure_logs
from entrypoints.settings import Settings
from entrypoints.tracing.spans import Spans
from entrypoints.web.cross_origin import FrontEndCORS
from entrypoints.web.errors import respond, respond_to_http
from entrypoints.web.hot_path import HotPath
from entrypoints.web.middleware import Surroundings
from entrypoints.web.origin_guard import origin_of


@final
class Application(Starlette):
    """Starlette, with the hot path in front of it."""

    def __init__(
        self,
        hot_path: HotPath,
        spans: Spans,
        deadline: Callable[[], AbstractContextManager[None]],
        overloaded: ASGIApp,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        #: Responds instead of the application when too many requests are in progress.
        self.overloaded = overloaded
        self._hot_path = hot_path
        self._deadline = deadline
        self._traced = spans.around(self._serve)
        # A path with a trailing slash must not match. DELETE on `/sessions/`, with the id missing,
        # would end all sessions.
        self.router.redirect_slashes = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if self._traced is not None:
            await self._traced(scope, receive, send)
        else:
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The hot path has its own deadline.
        if not await self._hot_path.answers(scope, send):
            with self._deadline():
                await super().__call__(scope, receive, send)


def create_app(container: Container) -> Starlette:
    """The application of one container. Its lifespan opens what the container lists."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for lifetime in container.lifetimes():
                await stack.enter_async_context(lifetime)
            _tune_garbage_collection()
            yield

    settings = container.settings()
    answers = container.browser_answers()
    routes: list[BaseRoute] = [
        *container.session_endpoints().routes,
        *container.renewal_endpoints().routes,
        *container.va_endpoints().routes,
        *container.link_endpoints().routes,
        *container.disclosure_endpoints().routes,
        *container.token_endpoint().routes,
        *container.history_endpoints().routes,
        *container.health_endpoints().routes,
        *container.openapi_endpoint().routes,
    ]
    if settings.serves_front_end:
        routes += container.pages().routes
    return Application(
        container.hot_path(),
        container.spans(),
        container.request_deadline,
        answers.overloaded,
        routes=routes,
        lifespan=lifespan,
        middleware=[
            Middleware(
                Surroundings,
                is_public_https=settings.is_public_https,
                instead_of=answers.instead_of,
                measurements=container.measurements(),
            ),
            *_cross_origin(settings),
        ],
        exception_handlers={
            ApplicationError: respond,
            DomainError: respond,
            HTTPException: answers.negotiated(respond_to_http),
        },
    )


def serving_app(settings: Settings) -> Starlette:
    """Set up logs and container, and return the application of a server process."""
    configure_logs(settings.log_level)
    return create_app(Container(settings=settings))


def _tune_garbage_collection() -> None:
    """Exclude objects made at start from garbage collection, and collect less often.

    Full collections over everything that was imported cause the slowest responses.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _cross_origin(settings: Settings) -> list[Middleware]:
    """CORS for the front end's origin and no other."""
    front_end = origin_of(settings.frontend_url)
    if front_end == origin_of(settings.public_url):
        return []
    return [
        Middleware(
            FrontEndCORS,
            allow_origins=[front_end],
            allow_credentials=True,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["X-Request-ID"],
            max_age=600,
        )
    ]
