"""What the last form did, for the page that follows.

It is in a cookie rather than in the URL of the page, because anyone can make up a URL.
"""

from enum import StrEnum
from typing import Final, final

from starlette.requests import Request
from starlette.responses import Response

from entrypoints.web.cookies import cookie_values
from entrypoints.web.languages import N_

_NAME: Final = "vetassist_notice"
_MAX_AGE_SECONDS: Final = 60


class Notice(StrEnum):
    """What was done."""

    SIGNED_OUT_OF_ONE = "signed_out_of_one"
    SIGNED_OUT_ELSEWHERE = "signed_out_elsewhere"
    SIGNED_OUT_EVERYWHERE = "signed_out_everywhere"
    RENEWED = "renewed"
    DISCONNECTED = "disconnected"

    @property
    def message(self) -> str:
        """What the page says, in English."""
        return _MESSAGES[self]


_MESSAGES: Final = {
    Notice.SIGNED_OUT_OF_ONE: N_("You are signed out of that device."),
    Notice.SIGNED_OUT_ELSEWHERE: N_("You are signed out everywhere else."),
    Notice.SIGNED_OUT_EVERYWHERE: N_("Your sessions have ended, here and on all other devices."),
    Notice.RENEWED: N_("You will stay signed in for longer."),
    Notice.DISCONNECTED: N_("VA is disconnected, and you are signed out on all your devices."),
}


@final
class NoticeCookie:
    """Sets, reads and clears the cookie."""

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure
        self._name = ("__Host-" if secure else "") + _NAME

    def set(self, response: Response, notice: Notice) -> None:
        """Pass a notice to the next page."""
        response.set_cookie(
            self._name,
            notice.value,
            max_age=_MAX_AGE_SECONDS,
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )

    def read(self, request: Request) -> Notice | None:
        """The notice, or None if there is none."""
        values = cookie_values(request).get(self._name, [])
        is_one = len(values) == 1 and values[0] in set(Notice)
        return Notice(values[0]) if is_one else None

    def clear(self, response: Response) -> None:
        """Clear the cookie, so that a reload doesn't show the notice again."""
        response.delete_cookie(self._name, secure=self._secure, httponly=True, samesite="lax")
