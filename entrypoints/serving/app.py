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
from entrypoints.web.base_path import BasePath
from entrypoints.web.cross_origin import FrontEndCORS
from entrypoints.web.errors import respond, respond_to_http
from entrypoints.web.hot_path import HotPath
from entrypoints.web.middleware import LastResort, Surroundings


@final
class Application(Starlette):
    """Starlette, with the hot path in front of it."""

    def __init__(
        self,
        hot_path: HotPath,
        spans: Spans,
        deadline: Callable[[], AbstractContextManager[None]],
        public_path: str,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._base_path = BasePath(public_path, self.routes) if public_path else None
        self._hot_path = hot_path
        self._deadline = deadline
        self._traced = spans.around(self._serve)
        # A path with a trailing slash must not match. DELETE on `/sessions/`, with the id missing,
        # would end all sessions.
        self.router.redirect_slashes = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if self._base_path is not None:
            scope = self._base_path.inside(scope)
        if self._traced is not None:
            await self._traced(scope, receive, send)
        # Twice, because each coroutine in between costs every validation time.
        elif not await self._hot_path.answers(scope, send):
            await self._serve_others(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not await self._hot_path.answers(scope, send):
            await self._serve_others(scope, receive, send)

    async def _serve_others(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The hot path has its own deadline.
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
        settings.public_path,
        routes=routes,
        lifespan=lifespan,
        middleware=[
            Middleware(
                Surroundings,
                is_public_https=settings.is_public_https,
                measurements=container.measurements(),
            ),
            Middleware(
                FrontEndCORS,
                roster=container.front_end_roster(),
                public_url=settings.public_url,
            ),
            # Inside CORS, so that a page can read the response to a bug as well.
            Middleware(LastResort, instead_of=answers.instead_of),
        ],
        exception_handlers={
            ApplicationError: answers.negotiated(respond),
            DomainError: answers.negotiated(respond),
            HTTPException: answers.negotiated(respond_to_http),
        },
    )


@final
class ServerApps:
    """The applications of a server process, which share all objects.

    Args:
        settings: All settings.
        checks_client: Whether this process asks VA to check our client credentials.
    """

    def __init__(self, settings: Settings, *, checks_client: bool = False) -> None:
        self._container = Container(settings=settings, checks_client=checks_client)

    def serving(self) -> Starlette:
        """Set up logs, and return the application."""
        configure_logs(self._container.settings().log_level)
        return create_app(self._container)

    def refusing(self) -> ASGIApp:
        """What responds in its place when the server is overloaded."""
        return refusing_app(self._container)


def refusing_app(container: Container) -> ASGIApp:
    """What responds in place of the application when a server is overloaded. It reads nothing.

    Without CORS, a page of a front end would see a broken network instead of a Retry-After.
    """
    return FrontEndCORS(
        container.browser_answers().overloaded,
        roster=container.front_end_roster(),
        public_url=container.settings().public_url,
        rechecks=False,
    )


def _tune_garbage_collection() -> None:
    """Exclude objects made at start from garbage collection, and collect less often.

    Full collections over everything that was imported cause the slowest responses.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
