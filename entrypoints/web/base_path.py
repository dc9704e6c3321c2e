"""The path of the public URL, which some proxies strip from requests and some don't."""

from collections.abc import Iterable
from typing import final
from urllib.parse import unquote

from starlette.routing import BaseRoute, Mount, Route
from starlette.types import Scope


@final
class BasePath:
    """Finds the path inside the service, whether the proxy has stripped the base path or not.

    A path that begins with the base path is stripped only if a route can follow. With the base
    path `/api`, `/api/v1/session` stays as it is and `/api/api/v1/session` is stripped. The
    settings refuse base paths for which that would be ambiguous.

    Args:
        path: The path of the public URL, percent-encoded. It isn't empty.
        routes: All routes of the service.
    """

    def __init__(self, path: str, routes: Iterable[BaseRoute]) -> None:
        self._path = unquote(path)
        self._raw_path = path.encode()
        paths = [route.path for route in routes if isinstance(route, Route | Mount)]
        self._beginnings = {"", *(path.split("/")[1] for path in paths)}

    def inside(self, scope: Scope) -> Scope:
        """The scope of a request, with the path that the routes know."""
        if scope["type"] != "http" or not scope["path"].startswith(self._path):
            return scope
        path = scope["path"].removeprefix(self._path) or "/"
        if not path.startswith("/") or path.split("/")[1] not in self._beginnings:
            return scope
        raw_path = scope["raw_path"].removeprefix(self._raw_path) or b"/"
        return {**scope, "path": path, "raw_path": raw_path}
