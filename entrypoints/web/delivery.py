"""How the callback delivers the session to the front end."""

from typing import Final, final
from urllib.parse import quote, urlencode

from starlette.responses import RedirectResponse, Response

from application.second_chances import VALoginRepeated
from application.use_cases.sign_in.complete_va_login import VALoginCompleted
from domain.front_end import FrontEnd, SessionDelivery
from domain.handoff import BrowserMark
from domain.return_path import ReturnPath
from entrypoints.web.calling_front_ends import CallingFrontEnds
from entrypoints.web.timestamps import rfc3339

_SEE_OTHER: Final = 303


@final
class Delivery:
    """Redirects to the page of the front end for those who are signed in."""

    def __init__(self, *, front_ends: CallingFrontEnds) -> None:
        self._front_ends = front_ends

    def success(self, completed: VALoginCompleted) -> Response:
        """Redirect to `/va-success`, with the session or the code for it."""
        parameters: dict[str, str] = {}
        if completed.ticket is not None:
            parameters["code"] = completed.ticket.code.reveal()
        else:
            if completed.front_end.delivery is not SessionDelivery.COOKIE:
                parameters["token"] = completed.grant.token.reveal()
            parameters["expires"] = rfc3339(completed.grant.token_expires_at)
        response = _success(completed.front_end, parameters, completed.return_to)
        self._set_cookies(response, completed)
        return response

    def repeated(self, repeated: VALoginRepeated) -> Response:
        """Redirect to `/va-success` again: the browser has its session already."""
        parameters = {"expires": rfc3339(repeated.expires_at)}
        return _success(repeated.front_end, parameters, repeated.return_to)

    def _set_cookies(self, response: Response, completed: VALoginCompleted) -> None:
        cookies = self._front_ends.cookies_of(completed.front_end)
        if completed.ticket is not None:
            if isinstance(completed.ticket.holder, BrowserMark):
                cookies.set_handoff(response, completed.ticket.browser)
            return
        cookies.set_refresh(response, completed.grant)
        if completed.front_end.delivery is SessionDelivery.COOKIE:
            cookies.set_session(response, completed.grant)


def _success(
    front_end: FrontEnd, parameters: dict[str, str], return_to: ReturnPath | None
) -> Response:
    if return_to is not None:
        parameters["return_to"] = return_to.value
    separator = "#" if front_end.delivery is SessionDelivery.FRAGMENT else "?"
    encoded = urlencode(parameters, quote_via=quote, safe="")
    target = f"{front_end.url}/va-success{separator}{encoded}"
    return RedirectResponse(target, status_code=_SEE_OTHER)
