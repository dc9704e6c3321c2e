"""How the callback hands the session to the front end."""

from typing import Final, final
from urllib.parse import quote, urlencode

from starlette.responses import RedirectResponse, Response

from application.use_cases.complete_va_login import VALoginCompleted
from domain.sign_in_failure import SignInFailure
from entrypoints.settings import SessionDelivery
from entrypoints.web.timestamps import rfc3339

_SEE_OTHER: Final = 303


@final
class Delivery:
    """Redirects to the front end's two pages."""

    def __init__(self, *, frontend_url: str, method: SessionDelivery) -> None:
        self._frontend_url = frontend_url
        self._separator = "#" if method is SessionDelivery.FRAGMENT else "?"

    def success(self, completed: VALoginCompleted) -> Response:
        """To `/va-success`, with the session."""
        parameters = {
            "token": completed.issued.token.reveal(),
            "expires": rfc3339(completed.issued.session.expires_at),
        }
        if completed.return_to is not None:
            parameters["return_to"] = completed.return_to.value
        target = f"{self._frontend_url}/va-success{self._separator}{_encoded(parameters)}"
        return RedirectResponse(target, status_code=_SEE_OTHER)

    def failure(self, failure: SignInFailure) -> Response:
        """To `/va-error`, with the reason and nothing of VA's own text."""
        target = f"{self._frontend_url}/va-error?{_encoded({'error': failure.value})}"
        return RedirectResponse(target, status_code=_SEE_OTHER)


def _encoded(parameters: dict[str, str]) -> str:
    return urlencode(parameters, quote_via=quote, safe="")
