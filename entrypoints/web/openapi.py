"""Serves the description of the API."""

import json
from typing import final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from domain.front_end import FrontEnd, SessionDelivery
from entrypoints.web.routing import get_only
from entrypoints.web.session_cookies import SessionCookies


@final
class OpenAPIEndpoint:
    """Serves the description to everyone. It contains no secrets."""

    def __init__(
        self,
        *,
        public_url: str,
        cookies: SessionCookies,
        front_end: FrontEnd,
        has_app_sign_ins: bool,
    ) -> None:
        self._public_url = public_url
        self._cookies = cookies
        self._delivers_by_cookie = front_end.delivery is SessionDelivery.COOKIE
        self._has_app_sign_ins = has_app_sign_ins
        self._document: bytes | None = None

    @property
    def routes(self) -> list[BaseRoute]:
        """The route."""
        return [get_only("/openapi.json", self.show)]

    async def show(self, _request: Request) -> Response:
        """The description, which doesn't change while the process runs."""
        if self._document is None:
            self._document = self._described()
        return Response(self._document, media_type="application/json")

    def _described(self) -> bytes:
        # Imported on first use, because most processes never need it.
        from entrypoints.web.api.description import describe  # noqa: PLC0415

        description = describe(
            public_url=self._public_url,
            cookies=self._cookies,
            delivers_by_cookie=self._delivers_by_cookie,
            has_app_sign_ins=self._has_app_sign_ins,
        )
        return json.dumps(description, indent=1).encode()
