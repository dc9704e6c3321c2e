"""The Veteran-facing pages of the service."""

from pathlib import Path
from typing import Final, final
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from domain.errors import InvalidReturnPathError
from entrypoints.web.browser_answers import requested_path
from entrypoints.web.pages.explanations import explain
from entrypoints.web.parameters import MalformedParametersError
from entrypoints.web.reference_cookie import ERROR_PAGE, ReferenceCookie

_FOLDER: Final = Path(__file__).parent


@final
class Pages:
    """Serves the pages and their static files.

    The markup has no inline scripts, styles or event handlers and refers to no other host, so it
    works with the strictest Content-Security-Policy.
    """

    def __init__(self, *, public_url: str) -> None:
        templates = Environment(
            loader=FileSystemLoader(_FOLDER / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        # The URL is absolute because the sign-in's cookie must be set on the host that VA.gov
        # redirects to. Otherwise, a browser at 127.0.0.1 would return to localhost without it.
        self._sign_in_url = f"{public_url.rstrip('/')}/api/v1/va/login"
        templates.globals["sign_in_url"] = self._sign_in_url
        self._reference = ReferenceCookie(secure=public_url.startswith("https://"))
        self._start = templates.get_template("start.html")
        self._success = templates.get_template("va_success.html")
        self._error = templates.get_template("va_error.html")
        self._sessions = templates.get_template("sessions.html")
        self._uses = templates.get_template("uses.html")
        self._history = templates.get_template("history.html")

    @property
    def routes(self) -> list[BaseRoute]:
        """All pages, and the static files under ``/static``."""
        return [
            Route("/", self._show_start, methods=["GET"]),
            Route("/va-success", self._show_success, methods=["GET"]),
            Route(ERROR_PAGE, self._show_error, methods=["GET"]),
            Route("/sessions", self._show_sessions, methods=["GET"]),
            Route("/uses", self._show_uses, methods=["GET"]),
            Route("/history", self._show_history, methods=["GET"]),
            Mount("/static", StaticFiles(directory=_FOLDER / "static"), name="static"),
        ]

    async def _show_start(self, _request: Request) -> Response:
        """The start page."""
        return HTMLResponse(self._start.render())

    async def _show_success(self, _request: Request) -> Response:
        """Who is signed in, the session, and ways to sign out."""
        return HTMLResponse(self._success.render())

    async def _show_error(self, request: Request) -> Response:
        """Why the sign-in failed, in plain words."""
        explanation = explain(request.query_params.getlist("error"))
        reference = None if explanation.code is None else self._reference.read(request)
        page = self._error.render(
            explanation=explanation, request_id=reference, retry_url=self._retry_url(request)
        )
        return HTMLResponse(page)

    def _retry_url(self, request: Request) -> str:
        """The link that starts another sign-in with the same return path."""
        try:
            return_to = requested_path(request)
        except (MalformedParametersError, InvalidReturnPathError):
            return_to = None
        if return_to is None:
            return self._sign_in_url
        return f"{self._sign_in_url}?return_to={quote(return_to.value, safe='')}"

    async def _show_sessions(self, _request: Request) -> Response:
        """Where you are signed in, with ways to sign out."""
        return HTMLResponse(self._sessions.render())

    async def _show_uses(self, _request: Request) -> Response:
        """Who used your VA connection, when and what for."""
        return HTMLResponse(self._uses.render())

    async def _show_history(self, _request: Request) -> Response:
        """What happened to your account, and all of it as a file."""
        return HTMLResponse(self._history.render())
