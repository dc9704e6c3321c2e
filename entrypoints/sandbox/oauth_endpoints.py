"""VA's OAuth and OpenID routes."""

import json
import re
from collections.abc import Mapping
from typing import Final, final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from entrypoints.sandbox.counted_route import counted_route
from entrypoints.sandbox.documents import OAUTH_BASE, SCOPES
from entrypoints.sandbox.errors import (
    INVALID_REQUEST,
    AuthorizationRefusedError,
    OAuthError,
    UnknownRequestError,
)
from entrypoints.sandbox.fault_answers import CutShortResponse
from entrypoints.sandbox.faults import CALLBACK_ERROR, CallbackFault, Endpoint, Habit
from entrypoints.sandbox.parameters import (
    bearer_token,
    client_credentials,
    form_fields,
    query_fields,
)
from entrypoints.sandbox.records import AuthorizationRequest
from entrypoints.sandbox.sign_in_pages import SignInPages
from entrypoints.sandbox.veterans import find_veteran
from entrypoints.sandbox.world import World

_REQUEST_LIFETIME_SECONDS: Final = 10 * 60
_S256_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}


@final
class OAuthEndpoints:
    """Parses OAuth requests, passes them to the world, and renders the results."""

    def __init__(self, world: World, pages: SignInPages) -> None:
        self._world = world
        self._pages = pages
        self._grants = {
            "authorization_code": self._exchange_code,
            "refresh_token": self._refresh,
        }

    @property
    def routes(self) -> list[Route]:
        """All routes under VA's OAuth base path."""
        return [
            counted_route(self._world, endpoint, f"{OAUTH_BASE}{path}", handler, method)
            for endpoint, method, path, handler in (
                (Endpoint.AUTHORIZATION, "GET", "/authorization", self.authorize),
                (Endpoint.AUTHORIZATION, "POST", "/authorization", self.decide),
                (Endpoint.TOKEN, "POST", "/token", self.token),
                (Endpoint.USERINFO, "GET", "/userinfo", self.userinfo),
                (Endpoint.KEYS, "GET", "/keys", self.keys),
                (Endpoint.REVOKE, "POST", "/revoke", self.revoke),
                (Endpoint.INTROSPECT, "POST", "/introspect", self.introspect),
                (
                    Endpoint.DISCOVERY,
                    "GET",
                    "/.well-known/openid-configuration",
                    self.discovery,
                ),
            )
        ]

    async def authorize(self, request: Request) -> Response:
        """Shows the page on which the person chooses who signs in."""
        authorization = self._authorization_request(query_fields(request))
        request_id = self._world.open_request(authorization)
        return self._pages.sign_in(request_id, authorization)

    async def decide(self, request: Request) -> Response:
        """Redirects the person back to the client with the result of their choice."""
        form = await form_fields(request)
        veteran = find_veteran(form.get("veteran", ""))
        if veteran is None and "decline" not in form:
            raise UnknownRequestError
        authorization = self._world.close_request(form.get("request", ""))
        if isinstance(fault := self._world.faults.take(CALLBACK_ERROR), CallbackFault):
            raise AuthorizationRefusedError(
                fault.error,
                "The fault callback_error is set.",
                redirect_uri=authorization.redirect_uri,
                state=authorization.state,
            )
        if "decline" in form or veteran is None:
            raise AuthorizationRefusedError(
                "access_denied",
                "The Veteran declined to share information.",
                redirect_uri=authorization.redirect_uri,
                state=authorization.state,
            )
        code = self._world.grant_code(authorization, veteran)
        return back_to_client(
            authorization.redirect_uri, {"code": code, "state": authorization.state}
        )

    async def token(self, request: Request) -> Response:
        """Exchanges a grant for tokens."""
        form = await form_fields(request)
        grant_type = form.get("grant_type")
        if grant_type is None:
            raise OAuthError(INVALID_REQUEST, "A grant type is required.")
        grant = self._grants.get(grant_type)
        if grant is None:
            raise OAuthError(
                "unsupported_grant_type",
                "Only authorization_code and refresh_token grants are supported.",
            )
        self._world.check_client(*client_credentials(request, form))
        response = JSONResponse(grant(form), headers=_NO_STORE)
        if self._world.faults.take(Habit.DROP_TOKEN_RESPONSE):
            return CutShortResponse(b"", promised_bytes=len(response.body))
        return response

    async def userinfo(self, request: Request) -> Response:
        """Returns the claims about the Veteran of the access token."""
        claims = self._world.userinfo(bearer_token(request))
        if self._world.faults.take(Habit.SIGNED_USERINFO):
            signed = self._world.signed_userinfo(claims)
            return Response(signed, headers=_NO_STORE, media_type="application/jwt")
        # Escaped, because half of a character has no other form.
        return Response(json.dumps(claims), headers=_NO_STORE, media_type="application/json")

    async def keys(self, _request: Request) -> Response:
        """Returns the public keys that verify ID tokens."""
        return JSONResponse(self._world.key_set())

    async def revoke(self, request: Request) -> Response:
        """Revokes a token. An unknown token succeeds too. Source: RFC 7009, section 2.2."""
        self._world.revoke(await self._presented_token(request))
        return Response()

    async def introspect(self, request: Request) -> Response:
        """Returns the state of a token. Source: RFC 7662, section 2."""
        token = await self._presented_token(request)
        return JSONResponse(self._world.introspect(token), headers=_NO_STORE)

    async def discovery(self, _request: Request) -> Response:
        """Returns the OpenID provider metadata."""
        return JSONResponse(self._world.metadata())

    def _authorization_request(self, fields: Mapping[str, str]) -> AuthorizationRequest:
        settings = self._world.settings
        redirect_uri = fields.get("redirect_uri")
        if fields.get("client_id") != settings.client_id:
            raise OAuthError(
                "unauthorized_client", "The client specified by the application is not valid."
            )
        if redirect_uri is None:
            raise OAuthError(
                INVALID_REQUEST, "There was no redirect URI specified by the application."
            )
        if redirect_uri not in settings.redirect_uris:
            raise OAuthError(
                INVALID_REQUEST, "The redirect URI is not one of the registered redirect URIs."
            )
        state = fields.get("state")
        if refusal := _authorization_refusal(fields):
            raise AuthorizationRefusedError(*refusal, redirect_uri=redirect_uri, state=state)
        return AuthorizationRequest(
            redirect_uri=redirect_uri,
            state=fields["state"],
            scopes=tuple(dict.fromkeys(fields["scope"].split())),
            nonce=fields.get("nonce"),
            code_challenge=fields.get("code_challenge"),
            expires_at=self._world.clock() + _REQUEST_LIFETIME_SECONDS,
        )

    def _exchange_code(self, form: Mapping[str, str]) -> Mapping[str, object]:
        return self._world.exchange_code(
            _required(form, "code"),
            redirect_uri=form.get("redirect_uri"),
            verifier=form.get("code_verifier"),
        )

    def _refresh(self, form: Mapping[str, str]) -> Mapping[str, object]:
        scopes = tuple(form.get("scope", "").split())
        return self._world.refresh(_required(form, "refresh_token"), scopes=scopes)

    async def _presented_token(self, request: Request) -> str:
        form = await form_fields(request)
        self._world.check_client(*client_credentials(request, form))
        return _required(form, "token")


def back_to_client(redirect_uri: str, answer: Mapping[str, str]) -> Response:
    """Redirects the browser to the client. VA registers no redirect URI that has a query."""
    return RedirectResponse(
        f"{redirect_uri}?{urlencode(answer)}",
        status_code=303,
        headers={**_NO_STORE, "Referrer-Policy": "no-referrer"},
    )


def _authorization_refusal(fields: Mapping[str, str]) -> tuple[str, str] | None:
    """Returns the first error in a known client's request and its description, or None."""
    challenge = fields.get("code_challenge")
    method = fields.get("code_challenge_method")
    scopes = fields.get("scope", "").split()
    checks = (
        ("state" in fields, INVALID_REQUEST, "State parameter required"),
        (
            fields.get("response_type") == "code",
            "unsupported_response_type",
            "The response type must be 'code'.",
        ),
        (scopes and set(scopes) <= set(SCOPES), "invalid_scope", "A scope is missing or unknown."),
        (
            method == ("S256" if challenge else None),
            INVALID_REQUEST,
            "PKCE needs a code challenge and the method S256.",
        ),
        (
            challenge is None or _S256_CHALLENGE.fullmatch(challenge),
            INVALID_REQUEST,
            "The code challenge is not an S256 challenge.",
        ),
        (
            fields.get("prompt") != "none",
            "login_required",
            "The client specified not to prompt, but the user is not logged in.",
        ),
    )
    return next(((error, text) for holds, error, text in checks if not holds), None)


def _required(form: Mapping[str, str], name: str) -> str:
    if name not in form:
        raise OAuthError(INVALID_REQUEST, f"The {name} parameter is required.")
    return form[name]
