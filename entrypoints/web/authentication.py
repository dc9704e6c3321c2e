"""Finds the session of a request."""

import re
from collections.abc import Iterable
from time import perf_counter
from typing import Final, final

from starlette.requests import Request

from application.errors import OtherFrontEndError, UnauthenticatedError
from application.use_cases.sessions.sign_out import ByJWT, ByRefreshToken, SignOutProof
from application.use_cases.sessions.validate_session import (
    ValidateSession,
    ValidateSessionCommand,
    ValidSession,
)
from domain.front_end import SETTINGS_FRONT_END, FrontEnd, FrontEndId, SessionDelivery
from domain.secret import Secret
from entrypoints.metrics.measurements import Measurements
from entrypoints.web.calling_front_ends import CallingFrontEnds
from entrypoints.web.origin_guard import OriginGuard

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

    The cookie counts only if its front end delivers sessions by cookie, and each session only at
    its own front end.
    """

    def __init__(
        self,
        *,
        validate_session: ValidateSession,
        front_ends: CallingFrontEnds,
        guard: OriginGuard,
        measurements: Measurements,
    ) -> None:
        self._validate_session = validate_session
        self._front_ends = front_ends
        self._guard = guard
        self._measurements = measurements

    async def session(
        self, request: Request, *, front_end: FrontEndId | None = None
    ) -> ValidSession:
        """The session whose token the request carries.

        Args:
            request: The request.
            front_end: Whose session it must be. None: that of the front end whose page sent the
                request, or with a header and no such page, anybody's.

        Raises:
            UnauthenticatedError: There is no token or more than one, or its session doesn't stand.
            OtherFrontEndError: The session belongs to another front end.
            ForbiddenError: An unsafe request with a cookie comes from another site.
            UnavailableError: The database didn't answer.
        """
        if (refusal := request.scope.get(REFUSAL)) is not None:
            raise refusal
        if headers := _authorization(request):
            return await self._of(request, _only_token(headers), front_end)
        caller = await self._cookie_front_end(request, front_end)
        return await self._by_cookie(request, caller)

    async def forwarded(
        self, request: Request, *, front_end: FrontEndId | None, methods: Iterable[str]
    ) -> ValidSession:
        """The session of the request that a proxy asks about.

        The proxy forwards what its client sent, so `Origin` doesn't say which cookie counts.

        Args:
            request: The proxy's request.
            front_end: Whose session it must be. None: for a cookie, that of the settings' front
                end, and for a header, anybody's.
            methods: The methods of the client's request.

        Raises:
            UnauthenticatedError: There is no token or more than one, or its session doesn't stand.
            OtherFrontEndError: The session belongs to another front end.
            ForbiddenError: An unsafe request with a cookie comes from another site.
            UnavailableError: The database didn't answer.
        """
        if (refusal := request.scope.get(REFUSAL)) is not None:
            raise refusal
        if headers := _authorization(request):
            return await self._of(request, _only_token(headers), front_end)
        caller = await self._cookie_front_end(request, front_end or SETTINGS_FRONT_END)
        return await self._by_cookie(request, caller, methods)

    def sign_out_proof(
        self, request: Request, *, front_end: FrontEnd | None = None
    ) -> SignOutProof:
        """The unverified token of the session to sign out of. It may have expired.

        The refresh token counts only if there is no JWT: a browser drops the cookie of a JWT that
        has expired.

        Args:
            request: The request.
            front_end: Whose cookies count. None: those of the front end whose page sent it.

        Raises:
            UnauthenticatedError: There is no token, or more than one in headers.
            ForbiddenError: A request with a cookie comes from another site.
        """
        if headers := _authorization(request):
            return ByJWT(Secret(_only_token(headers)))
        caller = front_end or self._front_ends.of(request)
        proof: SignOutProof
        if (token := self.cookie_token(request, caller)) is not None:
            proof = ByJWT(Secret(token))
        elif (token := self._front_ends.cookies_of(caller).refresh(request)) is not None:
            proof = ByRefreshToken(Secret(token))
        else:
            raise UnauthenticatedError
        self._guard.check(request, caller)
        return proof

    def cookie_token(self, request: Request, front_end: FrontEnd) -> str | None:
        """The unverified token of the front end's cookie, if there is one and cookies count."""
        if front_end.delivery is not SessionDelivery.COOKIE:
            return None
        return self._front_ends.cookies_of(front_end).session(request)

    async def _cookie_front_end(self, request: Request, front_end: FrontEndId | None) -> FrontEnd:
        if front_end is None:
            return self._front_ends.of(request)
        known = await self._front_ends.roster.known(front_end)
        if known is None:
            raise UnauthenticatedError
        return known

    async def _by_cookie(
        self, request: Request, front_end: FrontEnd, methods: Iterable[str] = ()
    ) -> ValidSession:
        token = self.cookie_token(request, front_end)
        if token is None:
            raise UnauthenticatedError
        self._guard.check(request, front_end, forwarded_methods=methods)
        return await self._of(request, token, front_end.id)

    async def _of(self, request: Request, token: str, front_end: FrontEndId | None) -> ValidSession:
        valid = await self._validated(token)
        wanted = {front_end, self._front_ends.named_id(request)} - {None}
        if not wanted <= {valid.session.front_end}:
            raise OtherFrontEndError
        return valid

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
