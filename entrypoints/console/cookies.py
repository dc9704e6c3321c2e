"""The two cookies of the console."""

import re
from typing import Final, final

from starlette.requests import HTTPConnection
from starlette.responses import Response

from domain.secret import Secret
from entrypoints.console.sign_in_attempts import LIFETIME
from entrypoints.web.cookies import cookie_values

_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


@final
class ConsoleCookies:
    """HttpOnly, SameSite, and Secure with `__Host-` if the console's URL is https.

    Both are Lax: a provider's redirect is a navigation from another site.
    """

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure
        prefix = "__Host-" if secure else ""
        self.session_name: Final = prefix + "vetassist_console"
        self.attempt_name: Final = prefix + "vetassist_console_sign_in"

    def session(self, request: HTTPConnection) -> Secret | None:
        """The browser's secret of a session. None if there is none, or more than one."""
        return _only(request, self.session_name)

    def attempt(self, request: HTTPConnection) -> Secret | None:
        """The secret that binds an attempt to its browser. None as above."""
        return _only(request, self.attempt_name)

    def set_session(self, response: Response, browser: Secret) -> None:
        """Set the session for as long as the browser runs. The server ends it before."""
        self._set(response, self.session_name, browser, max_age=None)

    def set_attempt(self, response: Response, browser: Secret) -> None:
        """Set the secret of an attempt for as long as it can be completed."""
        self._set(response, self.attempt_name, browser, max_age=int(LIFETIME.total_seconds()))

    def clear_session(self, response: Response) -> None:
        """Clear the session."""
        response.delete_cookie(
            self.session_name, secure=self._secure, httponly=True, samesite="lax"
        )

    def _set(self, response: Response, name: str, value: Secret, *, max_age: int | None) -> None:
        response.set_cookie(
            name,
            value.reveal(),
            max_age=max_age,
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )


def _only(request: HTTPConnection, name: str) -> Secret | None:
    values = cookie_values(request).get(name, [])
    return Secret(values[0]) if len(values) == 1 and _SECRET.fullmatch(values[0]) else None
