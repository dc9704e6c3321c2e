"""Routes that differ from Starlette's defaults."""

from collections.abc import Awaitable, Callable
from typing import Final, final

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

#: The convertor for any rest of a path. Starlette's own "path" stops at a line break.
REST: Final = "rest"

Endpoint = Callable[[Request], Awaitable[Response]]


@final
class _Rest(Convertor[str]):
    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor(REST, _Rest())


def get_only(path: str, endpoint: Endpoint) -> Route:
    """A GET route without the HEAD that Starlette adds, because HEAD must not act like GET."""
    route = Route(path, endpoint, methods=["GET"])
    route.methods = {"GET"}
    return route


def allowed_methods(request: Request) -> str:
    """The methods of all routes with this path. Starlette names those of the first one."""
    methods: set[str] = set()
    for route in request.app.routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            methods |= route.methods or set()
    return ", ".join(sorted(methods))
