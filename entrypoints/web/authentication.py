"""From a request to the session behind it."""

import re
from collections.abc import Iterable
from time import perf_counter
from typing import Final, final

from starlette.requests import Request

from application.errors import UnauthenticatedError
from application.use_cases.sessions.validate_session import (
    ValidateSession,
    ValidateSessionCommand,
    ValidSession,
)
from domain.secret import Secret
from entrypoints.metrics.measurements import Measurements
from entrypoints.web.origin_guard import OriginGuard
from entrypoints.web.session_cookies import SessionCookies

# RFC 6750, section 2.1; the scheme's case does not matter (RFC 9110, section 11.1).
_BEARER: Final = re.compile(r"bearer +([A-Za-z0-9\-._~+/]+=*)", re.ASCII | re.IGNORECASE)

#: Where the hot path leaves its verdict on a request's token, so that none is validated twice.
REFUSAL: Final = "vetassist.refusal"


def bearer_token(header: str) -> str | None:
    """The token of an Authorization header; None when it holds no bearer token."""
    match = _BEARER.fullmatch(header.strip())
    return match[1] if match else None


@final
class Authenticator:
    """Accepts a token in one Authorization header, or in the session cookie; never in a URL.

    The cookie counts only where sessions are delivered by cookie.
    """

    def __init__(
        self,
        *,
        validate_session: ValidateSession,
        cookies: SessionCookies,
        guard: OriginGuard,
        accepts_cookie: bool,
        measurements: Measurements,
    ) -> None:
        self._validate_session = validate_session
        self._cookies = cookies
        self._guard = guard
        self._accepts_cookie = accepts_cookie
        self._measurements = measurements

    async def session(
        self, request: Request, *, forwarded_methods: Iterable[str] = ()
    ) -> ValidSession:
        """The session whose token the request carries.

        Args:
            request: The request as it came.
            forwarded_methods: Those of the request that a proxy asks about, beside its own.

        Raises:
            UnauthenticatedError: No token, more than one, or one that does not stand.
            ForbiddenError: A cookie vouches for an unsafe request from elsewhere.
            UnavailableError: Storage did not answer.
        """
        if (refusal := request.scope.get(REFUSAL)) is not None:
            raise refusal
        # Empty is what a proxy makes of a field that the client did not send.
        headers = [header for header in request.headers.getlist("authorization") if header]
        if headers:
            token = bearer_token(headers[0]) if len(headers) == 1 else None
        else:
            token = self.cookie_token(request)
            if token is not None:
                self._guard.check(request, forwarded_methods=forwarded_methods)
        if token is None:
            raise UnauthenticatedError
        return await self._validated(token)

    def cookie_token(self, request: Request) -> str | None:
        """The token of the session cookie, unverified; None where cookies carry none."""
        return self._cookies.session(request) if self._accepts_cookie else None

    async def _validated(self, token: str) -> ValidSession:
        began = perf_counter()
        refusal: Exception | None = None
        try:
            return await self._validate_session.execute(ValidateSessionCommand(token=Secret(token)))
        except Exception as error:
            refusal = error
            raise
        finally:
            self._measurements.count_validation(refusal, perf_counter() - began)
