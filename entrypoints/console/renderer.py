"""Renders the console's pages."""

from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, final

from starlette.responses import HTMLResponse, Response

from domain.operator import OperatorRight, OperatorRole
from entrypoints.console.acts import HOME, SIGN_IN
from entrypoints.console.forms import FORM_SECRET
from entrypoints.console.operator_sessions import SignedIn
from entrypoints.web.devices import device_name
from entrypoints.web.pages.renderer import environment

_TEMPLATES: Final = Path(__file__).parent / "pages" / "templates"
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    # Forms need it: with `no-referrer`, a browser doesn't say where a form comes from.
    "Referrer-Policy": "same-origin",
}
_ROLES: Final = {OperatorRole.SUPPORT: "support", OperatorRole.ADMIN: "admin"}


@final
class ConsoleRenderer:
    """Turns a template into a response. The pages are in English and have no scripts."""

    def __init__(self) -> None:
        self._environment = environment(_TEMPLATES)
        self._environment.globals |= {
            "home": HOME,
            "sign_in": SIGN_IN,
            "form_secret_name": FORM_SECRET,
            "Right": OperatorRight,
            "roles": _ROLES,
        }
        self._environment.filters |= {"utc": _utc, "device": device_name}

    def page(
        self,
        template: str,
        signed_in: SignedIn | None = None,
        *,
        status: int = HTTPStatus.OK,
        **context: Any,
    ) -> Response:
        """A page for the operator, or for somebody who isn't signed in."""
        content = self._environment.get_template(template).render(me=signed_in, **context)
        return HTMLResponse(content, status_code=status, headers=_HEADERS)


def _utc(instant: datetime | None) -> str:
    return "" if instant is None else f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
