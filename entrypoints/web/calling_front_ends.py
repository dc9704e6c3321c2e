"""Finds the front end whose page sent a request."""

from typing import final

from starlette.requests import HTTPConnection

from application.front_end_roster import FrontEndRoster
from domain.front_end import FrontEnd, FrontEndId
from domain.web_url import is_origin, origin_of
from entrypoints.web.session_cookies import SessionCookies


@final
class CallingFrontEnds:
    """Goes by the `Origin` field, which no page can forge (RFC 6454, section 7).

    Each front end has cookies of its own, so that a browser can have a session at each, and none
    of them can use another's.
    """

    def __init__(self, *, roster: FrontEndRoster, cookies: SessionCookies) -> None:
        self._roster = roster
        self._cookies = cookies

    @property
    def roster(self) -> FrontEndRoster:
        """All front ends."""
        return self._roster

    def named(self, request: HTTPConnection) -> FrontEnd | None:
        """The front end that the request names. None if it names no origin, or a foreign one."""
        # Some proxies send an empty field if the client sent none.
        origins = [origin for origin in request.headers.getlist("origin") if origin]
        return with_origin(self._roster, origins[0]) if len(origins) == 1 else None

    def named_id(self, request: HTTPConnection) -> FrontEndId | None:
        """The id of that front end, or None."""
        front_end = self.named(request)
        return None if front_end is None else front_end.id

    def of(self, request: HTTPConnection) -> FrontEnd:
        """The front end that the request names, or that of the settings."""
        return self.named(request) or self._roster.settings

    def cookies(self, request: HTTPConnection) -> SessionCookies:
        """The cookies of that front end."""
        return self.cookies_of(self.of(request))

    def cookies_of(self, front_end: FrontEnd) -> SessionCookies:
        """The cookies of this front end."""
        return self._cookies.of(front_end.id)


def with_origin(roster: FrontEndRoster, origin: str) -> FrontEnd | None:
    """The front end with this origin, in whatever form the `Origin` field is written."""
    try:
        return roster.with_origin(origin_of(origin)) if is_origin(origin) else None
    except ValueError:
        return None
