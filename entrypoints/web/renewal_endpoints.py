"""Routes that return a session's next JWT, for a refresh token or a hand-over code."""

from http import HTTPStatus
from typing import Any, Final, final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from application.errors import UnauthenticatedError
from application.use_cases.sessions.renew_session import RenewSession, RenewSessionCommand
from application.use_cases.sign_in.redeem_handoff import RedeemHandoff, RedeemHandoffCommand
from domain.app_challenge import AppChallenge
from domain.front_end import FrontEnd, FrontEndId, SessionDelivery
from domain.handoff import BrowserMark, HandoffHolder
from domain.secret import Secret
from domain.session_grant import SessionGrant
from domain.session_limits import SessionOutlook
from entrypoints.web.calling_front_ends import CallingFrontEnds
from entrypoints.web.json_body import json_object, text_field
from entrypoints.web.origin_guard import OriginGuard
from entrypoints.web.session_cookies import REDEEM_PATH, RENEW_PATH
from entrypoints.web.session_endpoints import outlook_fields
from entrypoints.web.timestamps import rfc3339
from entrypoints.web.visitors import VisitorReader

_RENEW_FIELDS: Final = frozenset({"refresh_token"})
_REDEEM_FIELDS: Final = frozenset({"code", "code_verifier", "refresh"})
_IN_BODY: Final = "body"
_IN_COOKIE: Final = "cookie"


@final
class RenewalEndpoints:
    """Parses the request, runs one use case, and hands the tokens over."""

    def __init__(
        self,
        *,
        renew_session: RenewSession,
        redeem_handoff: RedeemHandoff,
        front_ends: CallingFrontEnds,
        guard: OriginGuard,
        visitors: VisitorReader,
    ) -> None:
        self._renew_session = renew_session
        self._redeem_handoff = redeem_handoff
        self._front_ends = front_ends
        self._guard = guard
        self._visitors = visitors

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes. Both read secrets from the body or a cookie, never from the URL."""
        return [
            Route(RENEW_PATH, self.renew, methods=["POST"]),
            Route(REDEEM_PATH, self.redeem, methods=["POST"]),
        ]

    async def renew(self, request: Request) -> Response:
        """Returns a new JWT, and the next refresh token in the same place as the last one."""
        fields = await json_object(request)
        in_body = text_field(fields, "refresh_token", allowed=_RENEW_FIELDS)
        if in_body is not None:
            named = self._front_ends.named_id(request)
            grant = await self._renewed(request, in_body, named)
            return self._handed_over(grant, in_cookies_of=None)
        front_end = self._front_ends.of(request)
        shown = self._front_ends.cookies_of(front_end).refresh(request)
        if shown is None:
            raise UnauthenticatedError
        self._guard.check(request, front_end)
        grant = await self._renewed(request, shown, front_end.id)
        return self._handed_over(grant, in_cookies_of=front_end)

    async def redeem(self, request: Request) -> Response:
        """Redeems a hand-over code for the browser that signed in, or the app that began."""
        fields = await json_object(request)
        code = text_field(fields, "code", allowed=_REDEEM_FIELDS)
        verifier = text_field(fields, "code_verifier", allowed=_REDEEM_FIELDS)
        refresh = text_field(fields, "refresh", allowed=_REDEEM_FIELDS)
        # An app gets no cookies: another site could otherwise plant its own session in a browser.
        places = {None, _IN_BODY} if verifier is not None else {None, _IN_BODY, _IN_COOKIE}
        if code is None or refresh not in places:
            raise HTTPException(HTTPStatus.BAD_REQUEST)
        if verifier is not None:
            challenge = AppChallenge.of(Secret(verifier))
            named = self._front_ends.named_id(request)
            grant = await self._redeemed(request, code, challenge, named)
            return self._handed_over(grant, in_cookies_of=None)
        front_end = self._front_ends.of(request)
        cookies = self._front_ends.cookies_of(front_end)
        browser = cookies.handoff(request)
        if browser is None:
            raise UnauthenticatedError
        self._guard.check(request, front_end)
        grant = await self._redeemed(request, code, BrowserMark.of(browser), front_end.id)
        place = None if refresh == _IN_BODY else front_end
        response = self._handed_over(grant, in_cookies_of=place)
        cookies.clear_handoff(response)
        return response

    async def _renewed(
        self, request: Request, shown: str, front_end: FrontEndId | None
    ) -> SessionGrant:
        return await self._renew_session.execute(
            RenewSessionCommand(
                refresh_token=Secret(shown),
                front_end=front_end,
                visitor=self._visitors.read(request),
            )
        )

    async def _redeemed(
        self, request: Request, code: str, holder: HandoffHolder, front_end: FrontEndId | None
    ) -> SessionGrant:
        return await self._redeem_handoff.execute(
            RedeemHandoffCommand(
                code=Secret(code),
                holder=holder,
                front_end=front_end,
                visitor=self._visitors.read(request),
            )
        )

    def _handed_over(self, grant: SessionGrant, *, in_cookies_of: FrontEnd | None) -> Response:
        """The tokens, in cookies as far as the front end takes them there, or all in the body."""
        session = grant.session
        outlook = SessionOutlook.of(
            token_expires_at=grant.token_expires_at,
            expires_at=session.expires_at,
            absolute_expires_at=session.absolute_expires_at,
            limits=self._front_ends.roster.limits_of(session.front_end),
        )
        body: dict[str, Any] = {
            "session_id": str(session.id),
            "expires_at": rfc3339(grant.token_expires_at),
        } | outlook_fields(outlook)
        place = in_cookies_of
        token_in_cookie = place is not None and place.delivery is SessionDelivery.COOKIE
        if not token_in_cookie:
            body["token"] = grant.token.reveal()
        if place is None:
            body["refresh_token"] = grant.refresh_token.reveal()
        response = JSONResponse(body)
        if place is not None:
            cookies = self._front_ends.cookies_of(place)
            if token_in_cookie:
                cookies.set_session(response, grant)
            cookies.set_refresh(response, grant)
        return response
