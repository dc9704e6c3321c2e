"""Checks that a request with a cookie comes from the front end that the cookie belongs to."""

from collections.abc import Collection, Iterable
from typing import Final, final

from starlette.requests import Request

from application.errors import ForbiddenError
from domain.front_end import FrontEnd
from domain.web_url import is_origin, origin_of

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OUR_SITE: Final = frozenset({"same-origin", "same-site"})


@final
class OriginGuard:
    """Refuses cross-site requests, because a browser adds cookies to those as well.

    Source: Fetch Metadata Request Headers, section 2.1, and RFC 6454, section 7.
    """

    def __init__(self, *, public_url: str) -> None:
        self._own_origin = origin_of(public_url)

    def check(
        self, request: Request, front_end: FrontEnd, *, forwarded_methods: Iterable[str] = ()
    ) -> None:
        """Allow safe methods, and unsafe ones only from this front end.

        Args:
            request: The request.
            front_end: The one whose cookie the request has. The service's own pages belong to that
                of the settings.
            forwarded_methods: If a proxy asks, the methods of the request that it asks about.

        Raises:
            ForbiddenError: The request comes from another site, or doesn't say where from.
        """
        if _SAFE.issuperset({request.method, *forwarded_methods}):
            return
        allowed = {front_end.origin}
        if front_end.is_of_settings:
            allowed.add(self._own_origin)
        require_origin(request, allowed)


def require_origin(request: Request, allowed: Collection[str]) -> None:
    """Allow only what comes from a page of one of these origins.

    Raises:
        ForbiddenError: The request comes from another site, or doesn't say where from.
    """
    # Some proxies send an empty field if the client sent none.
    origins = [origin for origin in request.headers.getlist("origin") if origin]
    sites = [site for site in request.headers.getlist("sec-fetch-site") if site]
    if any(site not in _OUR_SITE for site in sites):
        raise ForbiddenError
    if origins:
        if len(origins) != 1 or not _is_one_of(origins[0], allowed):
            raise ForbiddenError
    elif not sites:
        raise ForbiddenError


def _is_one_of(origin: str, allowed: Collection[str]) -> bool:
    """Whether an `Origin` field names one of these origins, in whatever form it is written."""
    try:
        return is_origin(origin) and origin_of(origin) in allowed
    except ValueError:
        return False
