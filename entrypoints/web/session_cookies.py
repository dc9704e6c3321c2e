"""The cookies of a session: JWT, refresh token, and the browser of a one-time code.

Each registered front end has its own, with its id in their names.
"""

from datetime import datetime
from typing import Final, Literal, final

from starlette.requests import Request
from starlette.responses import Response

from application.ports.clock import Clock
from domain.front_end import SETTINGS_FRONT_END, FrontEndId
from domain.handoff import HANDOFF_LIFETIME
from domain.secret import Secret
from domain.session_grant import SessionGrant
from entrypoints.web.cookies import cookie_values

RENEW_PATH: Final = "/api/v1/session/renew"
REDEEM_PATH: Final = "/api/v1/session/redeem"
# The renewal and the sign-out.
_REFRESH_PATH: Final = "/api/v1/session"
# Version 0.1.0 set the refresh cookie here. If a browser kept it, a renewal would have two.
_FORMER_REFRESH_PATH: Final = RENEW_PATH


@final
class SessionCookies:
    """HttpOnly, Secure if the public URL is https, and limited to the paths that need them.

    Attributes:
        session_name: The name of the cookie with the JWT.
        refresh_name: The name of the cookie with the refresh token.
        handoff_name: The name of the cookie that marks the browser of a one-time code.
    """

    def __init__(
        self,
        *,
        secure: bool,
        clock: Clock,
        public_path: str = "",
        front_end: FrontEndId = SETTINGS_FRONT_END,
    ) -> None:
        self._secure = secure
        self._public_path = public_path
        self._front_end = front_end
        # Browsers send a cookie to paths as they see them.
        self._refresh_path = public_path + _REFRESH_PATH
        self._former_refresh_path = public_path + _FORMER_REFRESH_PATH
        self._redeem_path = public_path + REDEEM_PATH
        self._clock = clock
        # `__Host-` keeps other hosts of the domain from planting a cookie. A cookie with a path
        # can only have `__Secure-`.
        suffix = "" if front_end == SETTINGS_FRONT_END else f"_{front_end.hex}"
        self.session_name = f"{'__Host-' if secure else ''}vetassist_session{suffix}"
        self.refresh_name = f"{'__Secure-' if secure else ''}vetassist_refresh{suffix}"
        self.handoff_name = f"{'__Secure-' if secure else ''}vetassist_handoff{suffix}"

    def of(self, front_end: FrontEndId) -> "SessionCookies":
        """The cookies of another front end."""
        if front_end == self._front_end:
            return self
        return SessionCookies(
            secure=self._secure,
            clock=self._clock,
            public_path=self._public_path,
            front_end=front_end,
        )

    def set_session(self, response: Response, grant: SessionGrant) -> None:
        """Set the JWT for as long as it is valid."""
        # Lax, so that a user who follows a link from another site is signed in.
        self._set(response, self.session_name, grant.token, until=grant.token_expires_at)

    def set_refresh(self, response: Response, grant: SessionGrant) -> None:
        """Set the refresh token, which the browser sends to renew the session and to sign out."""
        self._clear(response, self.refresh_name, path=self._former_refresh_path)
        self._set(
            response,
            self.refresh_name,
            grant.refresh_token,
            until=grant.session.absolute_expires_at,
            path=self._refresh_path,
            samesite="strict",
        )

    def set_handoff(self, response: Response, browser: Secret) -> None:
        """Mark the browser that may redeem a one-time code."""
        until = self._clock.now() + HANDOFF_LIFETIME
        self._set(
            response,
            self.handoff_name,
            browser,
            until=until,
            path=self._redeem_path,
            samesite="strict",
        )

    def session(self, request: Request) -> str | None:
        """The JWT. None if there is none, or more than one."""
        return _only(request, self.session_name)

    def refresh(self, request: Request) -> str | None:
        """The refresh token. None if there is none, or more than one."""
        return _only(request, self.refresh_name)

    def handoff(self, request: Request) -> Secret | None:
        """The mark of the browser. None if there is none, or more than one."""
        value = _only(request, self.handoff_name)
        return None if value is None else Secret(value)

    def clear(self, response: Response) -> None:
        """Clear all cookies."""
        self._clear(response, self.session_name, path="/")
        self._clear(response, self.refresh_name, path=self._former_refresh_path)
        self._clear(response, self.refresh_name, path=self._refresh_path)

    def clear_handoff(self, response: Response) -> None:
        """Clear the mark of the browser."""
        self._clear(response, self.handoff_name, path=self._redeem_path)

    def _set(
        self,
        response: Response,
        name: str,
        value: Secret,
        *,
        until: datetime,
        path: str = "/",
        samesite: Literal["lax", "strict"] = "lax",
    ) -> None:
        seconds = max(0, int((until - self._clock.now()).total_seconds()))
        response.set_cookie(
            name,
            value.reveal(),
            max_age=seconds,
            path=path,
            secure=self._secure,
            httponly=True,
            samesite=samesite,
        )

    def _clear(self, response: Response, name: str, *, path: str) -> None:
        response.delete_cookie(name, path=path, secure=self._secure, httponly=True)


def _only(request: Request, name: str) -> str | None:
    values = cookie_values(request).get(name, [])
    return values[0] if len(values) == 1 and values[0] else None
