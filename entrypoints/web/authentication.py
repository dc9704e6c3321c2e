"""Finds the session of a request."""

import re
from collections.abc import Iterable
from time import perf_counter
from typing import Final, final

from starlette.requests import Request

from application.errors import UnauthenticatedError
from application.use_cases.sessions.sign_out import ByJWT, ByRefreshToken, SignOutProof
from application.use_cases.sessions.validate_session import (
    ValidateSession,
    ValidateSessionCommand,
    ValidSession,
)
from domain.secret import Secret
from entrypoints.metrics.measurements import Measurements
from entrypoints.web.origin_guard import OriginGuard
from entrypoints.web.session_cookies import SessionCookies

# RFC 6750, section 2.1. The scheme is case-insensitive (RFC 9110, section 11.1).
_BEARER: Final = re.compile(r"bearer +([A-Za-z0-9\-._~+/]+=*)", re.ASCII | re.IGNORECASE)

#: The scope key of the hot path's refusal, so that no token is validated twice.
REFUSAL: Final = "vetassist.refusal"


def bearer_token(header: str) -> str | None:
    """The token of an Authorization header, or None if it isn't a bearer token."""
    match = _BEARER.fullmatch(header.strip())
    return match[1] if match else None


@final
class Authenticator:
    """Accepts a token in one Authorization header or in the session cookie, never in a URL.

    The cookie counts only if sessions are delivered by cookie.
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
            request: The request.
            forwarded_methods: If a proxy asks, the methods of the request that it asks about.

        Raises:
            UnauthenticatedError: There is no token or more than one, or its session doesn't stand.
            ForbiddenError: An unsafe request with a cookie comes from another site.
            UnavailableError: The database didn't answer.
        """
        if (refusal := request.scope.get(REFUSAL)) is not None:
            raise refusal
        headers = _authorization(request)
        token = _only_token(headers) if headers else self.cookie_token(request)
        if token is None:
            raise UnauthenticatedError
        if not headers:
            self._guard.check(request, forwarded_methods=forwarded_methods)
        return await self._validated(token)

    def sign_out_proof(self, request: Request) -> SignOutProof:
        """The unverified token of the session to sign out of. It may have expired.

        The refresh token counts only if there is no JWT: a browser drops the cookie of a JWT that
        has expired.

        Raises:
            UnauthenticatedError: There is no token, or more than one in headers.
            ForbiddenError: A request with a cookie comes from another site.
        """
        if headers := _authorization(request):
            return ByJWT(Secret(_only_token(headers)))
        proof: SignOutProof
        if (token := self.cookie_token(request)) is not None:
            proof = ByJWT(Secret(token))
        elif (token := self._cookies.refresh(request)) is not None:
            proof = ByRefreshToken(Secret(token))
        else:
            raise UnauthenticatedError
        self._guard.check(request)
        return proof

    def cookie_token(self, request: Request) -> str | None:
        """The unverified token of the session cookie, if there is one and cookies count."""
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


def _authorization(request: Request) -> list[str]:
    # Some proxies send an empty field if the client sent none.
    return [header for header in request.headers.getlist("authorization") if header]


def _only_token(headers: list[str]) -> str:
    token = bearer_token(headers[0]) if len(headers) == 1 else None
    if token is None:
        raise UnauthenticatedError
    return token
