"""How the callback delivers the session to the front end."""

from typing import Final, final
from urllib.parse import quote, urlencode

from starlette.responses import RedirectResponse, Response

from application.use_cases.sign_in.complete_va_login import VALoginCompleted
from domain.handoff import BrowserMark
from domain.sign_in_failure import SignInFailure
from entrypoints.settings import SessionDelivery
from entrypoints.web.reference_cookie import ERROR_PAGE, ReferenceCookie
from entrypoints.web.session_cookies import SessionCookies
from entrypoints.web.timestamps import rfc3339

_SEE_OTHER: Final = 303


@final
class Delivery:
    """Redirects to one of the two pages of the front end."""

    def __init__(
        self,
        *,
        frontend_url: str,
        method: SessionDelivery,
        cookies: SessionCookies,
        reference: ReferenceCookie,
        serves_front_end: bool,
    ) -> None:
        self._frontend_url = frontend_url
        self._method = method
        self._cookies = cookies
        self._reference = reference
        self._serves_front_end = serves_front_end

    def success(self, completed: VALoginCompleted) -> Response:
        """Redirect to `/va-success`, with the session or the code for it."""
        parameters: dict[str, str] = {}
        if completed.ticket is not None:
            parameters["code"] = completed.ticket.code.reveal()
        else:
            if self._method is not SessionDelivery.COOKIE:
                parameters["token"] = completed.grant.token.reveal()
            parameters["expires"] = rfc3339(completed.grant.token_expires_at)
        if completed.return_to is not None:
            parameters["return_to"] = completed.return_to.value
        separator = "#" if self._method is SessionDelivery.FRAGMENT else "?"
        target = f"{self._frontend_url}/va-success{separator}{_encoded(parameters)}"
        response = RedirectResponse(target, status_code=_SEE_OTHER)
        self._set_cookies(response, completed)
        return response

    def failure(self, failure: SignInFailure, *, request_id: str) -> Response:
        """Redirect to `/va-error`, with our reason and none of VA's text.

        Our own page also gets the reference for support.
        """
        target = f"{self._frontend_url}{ERROR_PAGE}?{_encoded({'error': failure.value})}"
        response = RedirectResponse(target, status_code=_SEE_OTHER)
        if self._serves_front_end:
            self._reference.set(response, request_id)
        return response

    def _set_cookies(self, response: Response, completed: VALoginCompleted) -> None:
        if completed.ticket is not None:
            if isinstance(completed.ticket.holder, BrowserMark):
                self._cookies.set_handoff(response, completed.ticket.browser)
            return
        self._cookies.set_refresh(response, completed.grant)
        if self._method is SessionDelivery.COOKIE:
            self._cookies.set_session(response, completed.grant)


def _encoded(parameters: dict[str, str]) -> str:
    return urlencode(parameters, quote_via=quote, safe="")
