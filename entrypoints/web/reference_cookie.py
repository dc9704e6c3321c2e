"""The reference of a failed sign-in, for our own error page.

The Veteran quotes it to support, who use it to find the request in the log and the audit trail.
It is in a cookie rather than in the URL of the page, because anyone can make up a URL.
"""

import re
from typing import Final, final

from starlette.requests import Request
from starlette.responses import Response

from entrypoints.web.cookies import cookie_values

ERROR_PAGE: Final = "/va-error"

_NAME: Final = "vetassist_reference"
_REQUEST_ID: Final = re.compile(r"[0-9a-f]{12}-[0-9a-f]{1,16}", re.ASCII)
_MAX_AGE_SECONDS: Final = 600


@final
class ReferenceCookie:
    """Sets and reads the cookie, which only the error page receives."""

    def __init__(self, *, secure: bool, public_path: str = "") -> None:
        self._secure = secure
        self._path = public_path + ERROR_PAGE
        self._name = ("__Secure-" if secure else "") + _NAME

    def set(self, response: Response, request_id: str) -> None:
        """Pass the id of the failed request to the error page."""
        response.set_cookie(
            self._name,
            request_id,
            max_age=_MAX_AGE_SECONDS,
            path=self._path,
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )

    def read(self, request: Request) -> str | None:
        """The id of the failed request. None if there is none, or it isn't one of ours."""
        values = cookie_values(request).get(self._name, [])
        if len(values) != 1 or not _REQUEST_ID.fullmatch(values[0]):
            return None
        return values[0]
