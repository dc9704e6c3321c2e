"""The simulated provider of operators, for the console of the demo. It has two made-up operators.

It stands beside the simulated VA and shares nothing with it: other keys, another client.
"""

import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from domain.operator import OperatorRole
from entrypoints.sandbox.errors import INVALID_GRANT, INVALID_REQUEST, OAuthError
from entrypoints.sandbox.oauth_endpoints import back_to_client
from entrypoints.sandbox.parameters import client_credentials, form_fields, query_fields
from entrypoints.sandbox.records import BoundedStore
from entrypoints.sandbox.settings import OPERATORS_BASE, OperatorClient
from entrypoints.sandbox.sign_in_pages import SignInPages
from entrypoints.sandbox.signing import IdToken, SigningKey
from entrypoints.sandbox.world import verifier_fits

_CODE_LIFETIME_SECONDS: Final = 60
_TOKEN_LIFETIME_SECONDS: Final = 300
_CAPACITY: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TestOperator:
    """A made-up operator, called by the role."""

    subject: str
    name: str
    groups: tuple[str, ...]


TEST_OPERATORS: Final = (
    TestOperator(
        subject="support-operator", name="Support operator", groups=(OperatorRole.SUPPORT.value,)
    ),
    TestOperator(
        subject="admin-operator", name="Admin operator", groups=(OperatorRole.ADMIN.value,)
    ),
)
_BY_SUBJECT: Final = {each.subject: each for each in TEST_OPERATORS}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    redirect_uri: str
    state: str
    nonce: str
    code_challenge: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Code:
    request: _Request
    operator: TestOperator
    expires_at: float


@final
class OperatorEndpoints:
    """The provider's routes. Every code works once, with its PKCE verifier."""

    def __init__(
        self, client: OperatorClient, pages: SignInPages, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._client = client
        self._pages = pages
        self._clock = clock
        self._key = SigningKey.generate()
        self._requests = BoundedStore[_Request](_CAPACITY)
        self._codes = BoundedStore[_Code](_CAPACITY)

    @property
    def routes(self) -> list[Route]:
        """All routes under the provider's base path."""
        return [
            Route(f"{OPERATORS_BASE}{path}", handler, methods=[method])
            for method, path, handler in (
                ("GET", "/.well-known/openid-configuration", self._discovery),
                ("GET", "/keys", self._keys),
                ("GET", "/authorization", self._authorize),
                ("POST", "/authorization", self._decide),
                ("POST", "/token", self._token),
            )
        ]

    async def _discovery(self, _request: Request) -> Response:
        base = self._client.issuer
        return JSONResponse(
            {
                "issuer": base,
                "authorization_endpoint": f"{base}/authorization",
                "token_endpoint": f"{base}/token",
                "jwks_uri": f"{base}/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def _keys(self, _request: Request) -> Response:
        return JSONResponse({"keys": [self._key.jwk]})

    async def _authorize(self, request: Request) -> Response:
        """Shows the page on which the person chooses an operator."""
        fields = query_fields(request)
        if fields.get("client_id") != self._client.client_id:
            raise OAuthError("unauthorized_client", "The client isn't registered.")
        if fields.get("redirect_uri") != self._client.redirect_uri:
            raise OAuthError(INVALID_REQUEST, "The redirect URI isn't registered.")
        needed = ("state", "nonce", "code_challenge")
        if any(name not in fields for name in needed) or "openid" not in fields.get("scope", ""):
            raise OAuthError(INVALID_REQUEST, "A state, a nonce, PKCE and openid are required.")
        request_id = secrets.token_urlsafe(32)
        wanted = _Request(
            redirect_uri=fields["redirect_uri"], **{name: fields[name] for name in needed}
        )
        self._requests.put(request_id, wanted)
        return self._pages.operators(request_id, TEST_OPERATORS, wanted.redirect_uri)

    async def _decide(self, request: Request) -> Response:
        """Redirects the person back with a code."""
        form = await form_fields(request)
        wanted = self._requests.pop(form.get("request", ""))
        operator = _BY_SUBJECT.get(form.get("operator", ""))
        if wanted is None or operator is None:
            raise OAuthError(INVALID_REQUEST, "This sign-in can't continue.")
        code = secrets.token_urlsafe(32)
        expires_at = self._clock() + _CODE_LIFETIME_SECONDS
        self._codes.put(code, _Code(request=wanted, operator=operator, expires_at=expires_at))
        answer = {"code": code, "state": wanted.state, "iss": self._client.issuer}
        return back_to_client(wanted.redirect_uri, answer)

    async def _token(self, request: Request) -> Response:
        """Exchanges a code for an ID token with the groups."""
        form = await form_fields(request)
        given = "\n".join(client_credentials(request, form))
        known = f"{self._client.client_id}\n{self._client.client_secret.reveal()}"
        if not hmac.compare_digest(given.encode(), known.encode()):
            raise OAuthError("invalid_client", "The client's credentials are wrong.", status=401)
        code = self._codes.pop(form.get("code", ""))
        if (
            code is None
            or self._clock() >= code.expires_at
            or form.get("redirect_uri") != code.request.redirect_uri
            or not verifier_fits(form.get("code_verifier"), code.request.code_challenge)
        ):
            raise OAuthError(INVALID_GRANT, "The code isn't valid.")
        return JSONResponse(
            {
                "access_token": secrets.token_urlsafe(32),
                "token_type": "Bearer",
                "expires_in": _TOKEN_LIFETIME_SECONDS,
                "id_token": self._id_token(code),
            },
            headers={"Cache-Control": "no-store"},
        )

    def _id_token(self, code: _Code) -> str:
        now = int(self._clock())
        claims: Mapping[str, object] = {
            "iss": self._client.issuer,
            "aud": self._client.client_id,
            "sub": code.operator.subject,
            "name": code.operator.name,
            "groups": list(code.operator.groups),
            "nonce": code.request.nonce,
            "iat": now,
            "exp": now + _TOKEN_LIFETIME_SECONDS,
        }
        header = {"alg": "RS256", "kid": self._key.kid}
        return IdToken(header=header, claims=claims, key=self._key).encode()
