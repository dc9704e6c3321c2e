"""The description of the API, served by the API itself."""

import json
from collections.abc import Mapping
from typing import Any, final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from entrypoints.web.routing import get_only


@final
class OpenAPIEndpoint:
    """Serves the description to everybody: it tells what is public anyway."""

    def __init__(self, *, description: Mapping[str, Any]) -> None:
        self._document = json.dumps(description, indent=1).encode()

    @property
    def routes(self) -> list[BaseRoute]:
        """The one route."""
        return [get_only("/openapi.json", self.show)]

    async def show(self, _request: Request) -> Response:
        """The description, as it has been since the process started."""
        return Response(self._document, media_type="application/json")
