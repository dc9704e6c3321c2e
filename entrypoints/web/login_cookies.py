"""The cookie that binds an attempt to its browser.

Each attempt has its own, so that two tabs don't disturb each other.
"""

import re
from base64 import urlsafe_b64encode
from typing import Final, final

from starlette.requests import Request
from starlette.responses import Response

from domain.login_attempt import ATTEMPT_LIFETIME, LoginSecrets
from domain.secret import Secret
from entrypoints.web.cookies import cookie_values

_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_NAME: Final = "vetassist_login_"
# With more open attempts than this, the oldest are dropped, so that headers stay small.
_MAX_OPEN: Final = 8


@final
class LoginCookies:
    """Sets, reads and clears the cookie of an attempt."""

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure
        self._prefix = ("__Host-" if secure else "") + _NAME

    def set(self, request: Request, response: Response, secrets: LoginSecrets) -> None:
        """Set the browser's secret of the attempt, for as long as the attempt lasts."""
        ours = [name for name in cookie_values(request) if name.startswith(self._prefix)]
        if len(ours) >= _MAX_OPEN:
            for name in ours:
                self._clear(response, name)
        response.set_cookie(
            self._name(secrets),
            secrets.browser.reveal(),
            max_age=int(ATTEMPT_LIFETIME.total_seconds()),
            secure=self._secure,
            httponly=True,
            # VA's redirect is a navigation from another site. With Strict, it would have no cookie.
            samesite="lax",
        )

    def secrets(self, request: Request, state: str | None) -> LoginSecrets | None:
        """State and cookie. None if either is missing or malformed, or appears twice."""
        if state is None or not _SECRET.fullmatch(state):
            return None
        unbound = LoginSecrets(state=Secret(state), browser=Secret(""))
        values = cookie_values(request).get(self._name(unbound), [])
        if len(values) != 1 or not _SECRET.fullmatch(values[0]):
            return None
        return LoginSecrets(state=unbound.state, browser=Secret(values[0]))

    def clear(self, response: Response, secrets: LoginSecrets) -> None:
        """Clear the cookie of the attempt."""
        self._clear(response, self._name(secrets))

    def _clear(self, response: Response, name: str) -> None:
        response.delete_cookie(name, secure=self._secure, httponly=True, samesite="lax")

    def _name(self, secrets: LoginSecrets) -> str:
        return self._prefix + urlsafe_b64encode(secrets.state_hash[:12]).decode()
