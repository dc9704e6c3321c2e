"""The reference of a failed sign-in, on its way to our own error page.

A person quotes it to support, who find the request by it in the log and in the audit trail. It
travels in a cookie: the address of the page is fixed, and anybody can make up an address.
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
    """Sets and reads it; only the error page gets it."""

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure
        self._name = ("__Secure-" if secure else "") + _NAME

    def set(self, response: Response, request_id: str) -> None:
        """Let the error page name the request that failed."""
        response.set_cookie(
            self._name,
            request_id,
            max_age=_MAX_AGE_SECONDS,
            path=ERROR_PAGE,
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )

    def read(self, request: Request) -> str | None:
        """The request that failed; None where nothing, or nothing of ours, is told."""
        values = cookie_values(request).get(self._name, [])
        if len(values) != 1 or not _REQUEST_ID.fullmatch(values[0]):
            return None
        return values[0]
