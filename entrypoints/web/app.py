"""The ASGI application."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute

from application.errors import ApplicationError
from domain.errors import DomainError
from entrypoints.container import Container
from entrypoints.logs import configure_logs
from entrypoints.settings import Settings, read_settings
from entrypoints.web.errors import respond, respond_to_http
from entrypoints.web.middleware import Surroundings
from entrypoints.web.origin_guard import origin_of


def create_app(container: Container) -> Starlette:
    """The application of one container; what it needs opens when its lifespan starts."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for lifetime in container.lifetimes():
                await stack.enter_async_context(lifetime)
            yield

    settings = container.settings()
    routes: list[BaseRoute] = [
        *container.session_endpoints().routes,
        *container.renewal_endpoints().routes,
        *container.va_endpoints().routes,
        *container.health_endpoints().routes,
    ]
    if settings.serves_front_end:
        routes += container.pages().routes
    return Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[
            Middleware(Surroundings, is_public_https=settings.is_public_https),
            *_cross_origin(settings),
        ],
        exception_handlers={
            ApplicationError: respond,
            DomainError: respond,
            HTTPException: respond_to_http,
        },
    )


def app_from_environment() -> Starlette:
    """What each server process calls: settings, logs, container, application."""
    settings = read_settings(os.environ)
    configure_logs(settings.log_level)
    return create_app(Container(settings=settings))


def _cross_origin(settings: Settings) -> list[Middleware]:
    """CORS for the front end's origin, and for no other."""
    front_end = origin_of(settings.frontend_url)
    if front_end == origin_of(settings.public_url):
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=[front_end],
            allow_credentials=True,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["X-Request-ID"],
            max_age=600,
        )
    ]
