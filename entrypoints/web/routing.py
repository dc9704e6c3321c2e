"""Routes as we want them."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Endpoint = Callable[[Request], Awaitable[Response]]


def get_only(path: str, endpoint: Endpoint) -> Route:
    """A GET route without the HEAD that Starlette adds: HEAD must not do what GET does."""
    route = Route(path, endpoint, methods=["GET"])
    route.methods = {"GET"}
    return route
