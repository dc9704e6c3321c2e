"""Surrounds each request: request id, log line, security headers, and unexpected errors.

What adds headers to responses goes between the two classes.
"""

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Final, final

import structlog
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from entrypoints.logs import description_of
from entrypoints.metrics.measurements import Measurements, known_method
from entrypoints.request_ids import REQUEST_ID, request_ids
from entrypoints.web.errors import problem

_log = structlog.stdlib.get_logger("vetassist.http")

_SECURITY_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_PAGE: Final = "text/html"


def page_policy(*scripts: str) -> str:
    """The Content-Security-Policy of a page, with the sources of scripts beside our own files."""
    sources = " ".join(["'self'", *scripts])
    return (
        f"default-src 'none'; script-src {sources}; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )


# Browsers apply these only to a document that they show (ASVS 5.0, 3.4.8).
_PAGE_HEADERS: Final = {
    "Content-Security-Policy": page_policy(),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Frame-Options": "DENY",
}
_HSTS: Final = {"Strict-Transport-Security": "max-age=63072000; includeSubDomains"}


def security_headers(*, is_public_https: bool) -> dict[str, str]:
    """The headers of each response that doesn't set them itself. Pages get more."""
    return _SECURITY_HEADERS | (_HSTS if is_public_https else {})


@final
class SecurityHeaders:
    """Adds these headers, and those of pages to pages.

    Args:
        is_public_https: Whether browsers reach the service over TLS.
    """

    def __init__(self, *, is_public_https: bool) -> None:
        self._of_all = security_headers(is_public_https=is_public_https)
        self._of_pages = self._of_all | _PAGE_HEADERS

    def add_to(self, headers: MutableHeaders) -> None:
        """Add what is missing."""
        is_page = headers.get("Content-Type", "").startswith(_PAGE)
        for name, value in (self._of_pages if is_page else self._of_all).items():
            headers.setdefault(name, value)


@final
class Surroundings:
    """The outermost layer of plain ASGI. It expects that a `LastResort` inside handles errors.

    Args:
        app: The application.
        is_public_https: Whether browsers reach the service over TLS.
        measurements: The counters of this process.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        is_public_https: bool,
        measurements: Measurements,
    ) -> None:
        self._app = app
        self._headers = SecurityHeaders(is_public_https=is_public_https)
        self._request_ids = request_ids()
        self._measurements = measurements

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = scope[REQUEST_ID] = next(self._request_ids)
        began = time.perf_counter()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                self._headers.add_to(headers)
                headers["X-Request-ID"] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await self._app(scope, receive, send_with_headers)
            seconds = time.perf_counter() - began
            method, route = known_method(scope["method"]), _route_of(scope)
            self._measurements.count_request(method, route, status, seconds)
            _log.info(
                "request",
                method=method,
                route=route,
                status=status,
                milliseconds=round(seconds * 1000, 1),
            )


@final
class LastResort:
    """Responds if there is a bug, and logs it.

    Args:
        app: The application.
        instead_of: Returns what a browser gets where a program gets a problem document.
    """

    def __init__(self, app: ASGIApp, *, instead_of: Callable[[Scope, Response], Response]) -> None:
        self._app = app
        self._instead_of = instead_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_begun = False

        async def send_and_note(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception as error:  # noqa: BLE001 - this is what it is for
            _log.error("unhandled_error", **description_of(error))
            if not has_begun:
                bug = problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error")
                await self._instead_of(scope, bug)(scope, receive, send)


def _route_of(scope: Scope) -> str:
    """The template of the route, because the log must not contain the URL."""
    route = scope.get("route")
    return getattr(route, "path", "") or "unmatched"
