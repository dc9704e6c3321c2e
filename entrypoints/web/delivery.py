"""How the callback delivers the session to the front end."""

from typing import Final, final
from urllib.parse import quote, urlencode

from starlette.responses import RedirectResponse, Response

from application.second_chances import VALoginRepeated
from application.use_cases.sign_in.complete_va_login import VALoginCompleted
from domain.handoff import BrowserMark
from domain.return_path import ReturnPath
from entrypoints.settings import SessionDelivery
from entrypoints.web.session_cookies import SessionCookies
from entrypoints.web.timestamps import rfc3339

_SEE_OTHER: Final = 303


@final
class Delivery:
    """Redirects to the front end's page for those who are signed in."""

    def __init__(
        self,
        *,
        frontend_url: str,
        method: SessionDelivery,
        cookies: SessionCookies,
    ) -> None:
        self._frontend_url = frontend_url
        self._method = method
        self._cookies = cookies

    def success(self, completed: VALoginCompleted) -> Response:
        """Redirect to `/va-success`, with the session or the code for it."""
        parameters: dict[str, str] = {}
        if completed.ticket is not None:
            parameters["code"] = completed.ticket.code.reveal()
        else:
            if self._method is not SessionDelivery.COOKIE:
                parameters["token"] = completed.grant.token.reveal()
            parameters["expires"] = rfc3339(completed.grant.token_expires_at)
        response = self._success(parameters, completed.return_to)
        self._set_cookies(response, completed)
        return response

    def repeated(self, repeated: VALoginRepeated) -> Response:
        """Redirect to `/va-success` again: the browser has its session already."""
        parameters = {"expires": rfc3339(repeated.expires_at)}
        return self._success(parameters, repeated.return_to)

    def _success(self, parameters: dict[str, str], return_to: ReturnPath | None) -> Response:
        if return_to is not None:
            parameters["return_to"] = return_to.value
        separator = "#" if self._method is SessionDelivery.FRAGMENT else "?"
        encoded = urlencode(parameters, quote_via=quote, safe="")
        target = f"{self._frontend_url}/va-success{separator}{encoded}"
        return RedirectResponse(target, status_code=_SEE_OTHER)

    def _set_cookies(self, response: Response, completed: VALoginCompleted) -> None:
        if completed.ticket is not None:
            if isinstance(completed.ticket.holder, BrowserMark):
                self._cookies.set_handoff(response, completed.ticket.browser)
            return
        self._cookies.set_refresh(response, completed.grant)
        if self._method is SessionDelivery.COOKIE:
            self._cookies.set_session(response, completed.grant)
