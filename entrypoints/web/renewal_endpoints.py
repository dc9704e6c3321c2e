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
from domain.handoff import BrowserMark, HandoffHolder
from domain.secret import Secret
from domain.session_grant import SessionGrant
from domain.session_limits import SessionLimits, SessionOutlook
from entrypoints.web.json_body import json_object, text_field
from entrypoints.web.origin_guard import OriginGuard
from entrypoints.web.session_cookies import REDEEM_PATH, RENEW_PATH, SessionCookies
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
        cookies: SessionCookies,
        guard: OriginGuard,
        visitors: VisitorReader,
        limits: SessionLimits,
        delivers_by_cookie: bool,
    ) -> None:
        self._renew_session = renew_session
        self._redeem_handoff = redeem_handoff
        self._cookies = cookies
        self._guard = guard
        self._visitors = visitors
        self._limits = limits
        self._delivers_by_cookie = delivers_by_cookie

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
        shown = in_body
        if shown is None:
            shown = self._cookies.refresh(request)
            if shown is None:
                raise UnauthenticatedError
            self._guard.check(request)
        grant = await self._renew_session.execute(
            RenewSessionCommand(refresh_token=Secret(shown), visitor=self._visitors.read(request))
        )
        return self._handed_over(grant, refresh_in_body=in_body is not None)

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
            grant = await self._redeemed(request, code, AppChallenge.of(Secret(verifier)))
            return self._handed_over(grant, refresh_in_body=True)
        browser = self._cookies.handoff(request)
        if browser is None:
            raise UnauthenticatedError
        self._guard.check(request)
        grant = await self._redeemed(request, code, BrowserMark.of(browser))
        response = self._handed_over(grant, refresh_in_body=refresh == _IN_BODY)
        self._cookies.clear_handoff(response)
        return response

    async def _redeemed(self, request: Request, code: str, holder: HandoffHolder) -> SessionGrant:
        return await self._redeem_handoff.execute(
            RedeemHandoffCommand(
                code=Secret(code), holder=holder, visitor=self._visitors.read(request)
            )
        )

    def _handed_over(self, grant: SessionGrant, *, refresh_in_body: bool) -> Response:
        session = grant.session
        outlook = SessionOutlook.of(
            token_expires_at=grant.token_expires_at,
            expires_at=session.expires_at,
            absolute_expires_at=session.absolute_expires_at,
            limits=self._limits,
        )
        body: dict[str, Any] = {
            "session_id": str(session.id),
            "expires_at": rfc3339(grant.token_expires_at),
        } | outlook_fields(outlook)
        token_in_cookie = self._delivers_by_cookie and not refresh_in_body
        if not token_in_cookie:
            body["token"] = grant.token.reveal()
        if refresh_in_body:
            body["refresh_token"] = grant.refresh_token.reveal()
        response = JSONResponse(body)
        if token_in_cookie:
            self._cookies.set_session(response, grant)
        if not refresh_in_body:
            self._cookies.set_refresh(response, grant)
        return response
