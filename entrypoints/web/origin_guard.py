"""Whether a request that a cookie vouches for was made by our own front end."""

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
    """Refuses cross-site requests: a browser adds cookies to them whoever asks for it.

    Source: Fetch Metadata Request Headers, section 2.1, and RFC 6454, section 7.
    """

    def __init__(self, *, urls: Iterable[str]) -> None:
        self._origins = frozenset(origin_of(url) for url in urls)

    def check(self, request: Request, *, forwarded_methods: Iterable[str] = ()) -> None:
        """Let safe methods pass, and an unsafe one only from our own front end.

        Args:
            request: The request as it came.
            forwarded_methods: Those of the request that a proxy asks about, beside its own.

        Raises:
            ForbiddenError: It comes from elsewhere, or does not say where from.
        """
        if _SAFE.issuperset({request.method, *forwarded_methods}):
            return
        # Empty is what a proxy makes of a field that the client did not send.
        origins = [origin for origin in request.headers.getlist("origin") if origin]
        sites = [site for site in request.headers.getlist("sec-fetch-site") if site]
        if any(site not in _OUR_SITE for site in sites):
            raise ForbiddenError
        if origins:
            if len(origins) != 1 or origins[0] not in self._origins:
                raise ForbiddenError
        elif not sites:
            raise ForbiddenError
