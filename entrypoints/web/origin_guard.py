"""Checks that a request with a cookie comes from our own front end."""

from collections.abc import Iterable
from typing import Final, final
from urllib.parse import urlsplit

from starlette.requests import Request

from application.errors import ForbiddenError

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OUR_SITE: Final = frozenset({"same-origin", "same-site"})


def origin_of(url: str) -> str:
    """The origin of a URL, as browsers write it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


@final
class OriginGuard:
    """Refuses cross-site requests, because a browser adds cookies to those as well.

    Source: Fetch Metadata Request Headers, section 2.1, and RFC 6454, section 7.
    """

    def __init__(self, *, urls: Iterable[str]) -> None:
        self._origins = frozenset(origin_of(url) for url in urls)

    def check(self, request: Request, *, forwarded_methods: Iterable[str] = ()) -> None:
        """Allow safe methods, and unsafe ones only from our own front end.

        Args:
            request: The request.
            forwarded_methods: If a proxy asks, the methods of the request that it asks about.

        Raises:
            ForbiddenError: The request comes from another site, or doesn't say where from.
        """
        if _SAFE.issuperset({request.method, *forwarded_methods}):
            return
        # Some proxies send an empty field if the client sent none.
        origins = [origin for origin in request.headers.getlist("origin") if origin]
        sites = [site for site in request.headers.getlist("sec-fetch-site") if site]
        if any(site not in _OUR_SITE for site in sites):
            raise ForbiddenError
        if origins:
            if len(origins) != 1 or origins[0] not in self._origins:
                raise ForbiddenError
        elif not sites:
            raise ForbiddenError
