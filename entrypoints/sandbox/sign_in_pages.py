"""The pages of the simulated VA."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, final
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from entrypoints.sandbox.records import AuthorizationRequest
from entrypoints.sandbox.settings import OPERATORS_BASE, SandboxSettings
from entrypoints.sandbox.veterans import TEST_VETERANS

_PAGES: Final = Path(__file__).parent / "pages"
ASSETS: Final = Mount("/sandbox/assets", StaticFiles(directory=_PAGES / "assets"))


@final
class SignInPages:
    """Renders the pages with a Content-Security-Policy that blocks content from other hosts."""

    def __init__(self, settings: SandboxSettings) -> None:
        self._settings = settings
        templates = Environment(
            loader=FileSystemLoader(_PAGES), autoescape=True, trim_blocks=True, lstrip_blocks=True
        )
        self._sign_in = templates.get_template("sign_in.html")
        self._operators = templates.get_template("operators.html")
        self._message = templates.get_template("message.html")

    def sign_in(self, request_id: str, request: AuthorizationRequest) -> Response:
        """Returns the page on which the person chooses a test Veteran or declines."""
        page = self._sign_in.render(
            request_id=request_id,
            client_id=self._settings.client_id,
            scopes=request.scopes,
            veterans=TEST_VETERANS,
        )
        destinations = (_origin(request.redirect_uri), *self._settings.form_destinations)
        return _page(page, form_action=" ".join(("'self'", *destinations)))

    def operators(
        self, request_id: str, operators: Sequence[object], redirect_uri: str
    ) -> Response:
        """Returns the page on which the person chooses a test operator."""
        page = self._operators.render(
            request_id=request_id, operators=operators, base=OPERATORS_BASE
        )
        return _page(page, form_action=f"'self' {_origin(redirect_uri)}")

    def message(self, title: str, text: str, *, status: int = 200) -> Response:
        """Returns a page that only shows a message."""
        return _page(self._message.render(title=title, text=text), status=status)


def _page(content: str, *, status: int = 200, form_action: str = "'none'") -> Response:
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
        f"frame-ancestors 'none'; form-action {form_action}"
    )
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return HTMLResponse(content, status_code=status, headers=headers)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
