"""An OpenID Provider of the tests' own, which says whatever a test wants it to say.

It is no relative of the sandbox: its paths, its issuer, its claims and its keys follow the
standards where VA follows its habits. Left alone it behaves well and is strict with its
client; each of its documents can then be bent, and its ID tokens forged byte by byte.
"""

import hmac
import json
import secrets
from base64 import b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from functools import cache
from hashlib import sha256
from typing import Any, Final, final
from urllib.parse import parse_qsl, unquote_plus, urlencode

from anyio.lowlevel import checkpoint
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from application.ports.clock import Clock
from tests.support.event_loop import pass_time
from tests.support.product import Provider


class Absent(Enum):
    """As the value of a field: the field is left out."""

    ABSENT = auto()


ABSENT: Final = Absent.ABSENT
#: Every character of these has to be form-encoded before it stands in HTTP Basic.
CLIENT_ID: Final = "vet assist/test:1"
CLIENT_SECRET: Final = "p+ss: w%rd/&=of-the-client"
ICN: Final = "1012845630V900607"
#: Not VA's path, but the documents are VA's. Nobody is told of it but by the settings.
STATUS_PATH: Final = "/realms/veterans/status"
LONGER_THAN_ANYBODY_WAITS: Final = timedelta(minutes=1)

Document = Mapping[str, object]
#: Makes the token from the header and the claims that an honest provider would sign.
Forger = Callable[[dict[str, object], dict[str, object]], object]
Reply = Callable[[Request], Awaitable[Response]]
Dress = Callable[[Response], Response]

_SUBJECT: Final = "auth|6d0c1a52-veteran"
_TOKEN_LIFETIME: Final = 900


def base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def altered(document: Document, changes: Document) -> dict[str, object]:
    """The document with its changed fields, and without those that became ABSENT."""
    return {name: value for name, value in {**document, **changes}.items() if value is not ABSENT}


@dataclass(frozen=True, kw_only=True)
class RSAKey:
    """An RSA key that signs as the provider, or as somebody who would like to be it."""

    kid: str
    private: rsa.RSAPrivateKey

    @property
    def public_pem(self) -> bytes:
        return self.private.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )

    def jwk(self, **changes: object) -> dict[str, object]:
        """The public key as a JWK, with fields changed."""
        numbers = self.private.public_key().public_numbers()
        size = (numbers.n.bit_length() + 7) // 8
        document = {
            "kty": "RSA",
            "kid": self.kid,
            "use": "sig",
            "alg": "RS256",
            "n": base64url(numbers.n.to_bytes(size)),
            "e": base64url(numbers.e.to_bytes(3)),
        }
        return altered(document, changes)

    def rs256(self, data: bytes) -> bytes:
        return self.private.sign(data, padding.PKCS1v15(), hashes.SHA256())

    def rs512(self, data: bytes) -> bytes:
        return self.private.sign(data, padding.PKCS1v15(), hashes.SHA512())

    def ps256(self, data: bytes) -> bytes:
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), salt_length=32)
        return self.private.sign(data, pss, hashes.SHA256())

    def hs256(self, data: bytes) -> bytes:
        """What a forger can compute who has the public key only."""
        return hmac.digest(self.public_pem, data, "sha256")


@cache
def rsa_key(name: str, bits: int = 2048) -> RSAKey:
    """The key of that name; it is made once, as that takes long."""
    return RSAKey(kid=name, private=rsa.generate_private_key(65537, bits))


@cache
def _ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def ec_jwk(**changes: object) -> dict[str, object]:
    """A P-256 key as a JWK."""
    numbers = _ec_key().public_key().public_numbers()
    x, y = (base64url(number.to_bytes(32)) for number in (numbers.x, numbers.y))
    document = {"kty": "EC", "crv": "P-256", "kid": "ec", "alg": "ES256", "x": x, "y": y}
    return altered(document, changes)


def es256(data: bytes) -> bytes:
    r, s = decode_dss_signature(_ec_key().sign(data, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32) + s.to_bytes(32)


def compact(
    header: Document | bytes, payload: Document | bytes, sign: Callable[[bytes], bytes]
) -> str:
    """A JWS in its compact form; what is given as bytes is signed as it stands."""
    signed = f"{base64url(_bytes(header))}.{base64url(_bytes(payload))}"
    return f"{signed}.{base64url(sign(signed.encode()))}"


def _bytes(document: Document | bytes) -> bytes:
    return document if isinstance(document, bytes) else json.dumps(document).encode()


@dataclass(frozen=True, kw_only=True)
class _Grant:
    redirect_uri: str
    nonce: str
    code_challenge: str
    scope: str


@final
class HostileProvider(Provider):
    """Well-behaved until a test bends it.

    Attributes:
        metadata: The discovery document.
        keys: The entries of the JWKS.
        key: What signs.
        person: What is true of the Veteran: `sub`, `icn` and the rest.
        icn_in: Where the ICN stands: "id_token", "userinfo", "patient", or nowhere.
        callback: Parameters of the redirect back to the client, changed.
        token_answer: Fields of the token endpoint's answer, changed.
        header: Header of the ID token, changed.
        claims: Claims of the ID token, changed.
        userinfo: Claims of userinfo, changed.
        forge: Makes the ID token instead.
        replies: By path: what answers instead.
        dresses: By path: what changes how the answer looks on the wire.
        is_lax: Lets any code verifier pass.
        requests: How often each path was asked for.
    """

    url = "http://localhost:9000"

    def __init__(self, *, url: str | None = None) -> None:
        if url is not None:
            self.url = url
        self.issuer = f"{self.url}/realms/veterans"
        self.secrets = {CLIENT_SECRET, ICN, _SUBJECT, "Marguerite", "Oyelaran"}
        self.key = rsa_key("2026-a")
        self.keys: object = [self.key.jwk()]
        self.person: dict[str, object] = {
            "sub": _SUBJECT,
            "icn": ICN,
            "given_name": "Marguerite",
            "family_name": "Oyelaran",
            "email": "marguerite@veterans.example",
        }
        self.icn_in = "userinfo"
        self.callback: dict[str, object] = {}
        self.token_answer: dict[str, object] = {}
        self.header: dict[str, object] = {}
        self.claims: dict[str, object] = {}
        self.userinfo: dict[str, object] = {}
        self.forge: Forger | None = None
        self.replies: dict[str, Reply] = {}
        self.dresses: dict[str, Dress] = {}
        self.is_lax = False
        self.requests: Counter[str] = Counter()
        self.metadata: dict[str, object] = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/auth?tenant=va",
            "token_endpoint": f"{self.url}/connect/exchange",
            "userinfo_endpoint": f"{self.url}/connect/me",
            "jwks_uri": f"{self.url}/certs.json",
            "end_session_endpoint": f"{self.url}/connect/bye",
            "response_types_supported": ["code", "code id_token"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "x_vendor_extension": {"nested": [1, None, {"deep": True}]},
        }
        self._clock: Clock | None = None
        self._redirect_uri = ""
        self._grants: dict[str, _Grant] = {}
        self._access_tokens: set[str] = set()
        self._refresh_tokens: dict[str, _Grant] = {}

    def recover(self) -> None:
        """Answer as it should again."""
        for bent in (self.token_answer, self.header, self.claims, self.userinfo, self.replies):
            bent.clear()
        self.dresses.clear()
        self.forge = None

    @property
    def settings(self) -> Mapping[str, object]:
        return {
            "va_discovery_url": f"{self.issuer}/.well-known/openid-configuration",
            "va_issuer": self.issuer,
            "va_client_id": CLIENT_ID,
            "va_client_secret": CLIENT_SECRET,
            "va_scopes": "openid profile email",
            "va_status_url": "",
        }

    @property
    def exchanges(self) -> int:
        """How often a code or a refresh token was brought to the token endpoint."""
        return self.requests["/connect/exchange"]

    @property
    def newest_refresh_token(self) -> str:
        """The one that was given last."""
        return self.refresh_tokens[-1]

    @property
    def refresh_tokens(self) -> Sequence[str]:
        """All that are good for something, oldest first."""
        return list(self._refresh_tokens)

    def opened(self, *, redirect_uri: str, clock: Clock) -> ASGIApp:
        self._redirect_uri = redirect_uri
        self._clock = clock
        return self.app

    @property
    def app(self) -> ASGIApp:
        """The provider's web side."""
        routes = (
            ("/realms/veterans/.well-known/openid-configuration", "GET", self._discover),
            ("/realms/veterans/auth", "GET", self._authorize),
            ("/connect/exchange", "POST", self.exchange),
            ("/connect/me", "GET", self._userinfo),
            ("/certs.json", "GET", self._certs),
            (STATUS_PATH, "GET", self._status),
            ("/elsewhere", "GET", self._certs),
            ("/connect/end", "POST", self._end),
        )
        return Starlette(
            routes=[
                Route(path, self._counted(path, handler), methods=[method])
                for path, method, handler in routes
            ]
        )

    def describe(self, veteran: str) -> Mapping[str, str]:
        return {}

    def now(self) -> int:
        """Unix time; a whole second, as the tests' clock shows."""
        assert self._clock is not None
        return int(self._clock.now().timestamp())

    def rotate(self, name: str) -> None:
        """Sign with another key from now on, and publish no other."""
        self.key = rsa_key(name)
        self.keys = [self.key.jwk()]

    def _counted(self, path: str, handler: Reply) -> Reply:
        async def reply(request: Request) -> Response:
            self.requests[path] += 1
            answer = await self.replies.get(path, handler)(request)
            dress = self.dresses.get(path)
            return answer if dress is None else dress(answer)

        return reply

    async def _discover(self, _request: Request) -> Response:
        return _json(altered(self.metadata, {}))

    async def _certs(self, _request: Request) -> Response:
        return _json({"keys": self.keys})

    async def _status(self, _request: Request) -> Response:
        attributes = {"veteran_status": "confirmed"}
        return _json({"data": {"id": self.person.get("icn"), "attributes": attributes}})

    async def _end(self, _request: Request) -> Response:
        return _json({})

    async def _authorize(self, request: Request) -> Response:
        asked = request.query_params
        assert asked["tenant"] == "va", "the endpoint's own query must survive"
        assert asked["client_id"] == CLIENT_ID
        assert asked["response_type"] == "code"
        assert asked["redirect_uri"] == self._redirect_uri
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = self._secret()
        self._grants[code] = _Grant(
            redirect_uri=asked["redirect_uri"],
            nonce=asked["nonce"],
            code_challenge=asked["code_challenge"],
            scope=asked["scope"],
        )
        answer = altered({"code": code, "state": asked["state"]}, self.callback)
        return RedirectResponse(f"{self._redirect_uri}?{urlencode(answer, doseq=True)}", 302)

    async def exchange(self, request: Request) -> Response:
        """The token endpoint."""
        credentials = request.headers.get("authorization", "").removeprefix("Basic ")
        client = [unquote_plus(part) for part in b64decode(credentials).decode().split(":")]
        if client != [CLIENT_ID, CLIENT_SECRET]:
            return _json({"error": "invalid_client"}, 401)
        form = dict(parse_qsl((await request.body()).decode(), strict_parsing=True))
        if form["grant_type"] == "refresh_token":
            return self._refresh(form)
        grant = self._grants.pop(form["code"], None)
        verifier = sha256(form["code_verifier"].encode()).digest()
        if (
            form["grant_type"] != "authorization_code"
            or grant is None
            or form["redirect_uri"] != grant.redirect_uri
            or not (self.is_lax or base64url(verifier) == grant.code_challenge)
        ):
            return _json({"error": "invalid_grant"}, 400)
        return _json(altered(self._tokens(grant, nonce=grant.nonce), self.token_answer))

    def _refresh(self, form: Mapping[str, str]) -> Response:
        assert set(form) == {"grant_type", "refresh_token"}
        grant = self._refresh_tokens.pop(form["refresh_token"], None)
        if grant is None:
            return _json({"error": "invalid_grant"}, 400)
        # No nonce in this one (OpenID Connect Core 1.0, section 12.2).
        return _json(altered(self._tokens(grant, nonce=ABSENT), self.token_answer))

    async def _userinfo(self, request: Request) -> Response:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self._access_tokens:
            return _json({"error": "invalid_token"}, 401)
        claims = {**self.person, "icn": self._icn_if("userinfo")}
        return _json(altered(claims, self.userinfo))

    def _tokens(self, grant: _Grant, *, nonce: object) -> dict[str, object]:
        access_token, refresh_token = self._secret(), self._secret()
        self._access_tokens.add(access_token)
        self._refresh_tokens[refresh_token] = grant
        claims = {
            "iss": self.issuer,
            "sub": self.person["sub"],
            "aud": [CLIENT_ID],
            "exp": self.now() + _TOKEN_LIFETIME,
            "iat": self.now(),
            "nonce": nonce,
            "at_hash": base64url(sha256(access_token.encode()).digest()[:16]),
            "sid": "a session of the provider's",
            "icn": self._icn_if("id_token"),
        }
        header = altered({"typ": "JWT", "alg": "RS256", "kid": self.key.kid}, self.header)
        payload = altered(claims, self.claims)
        forge = self.forge or (lambda header, claims: compact(header, claims, self.key.rs256))
        id_token = forge(header, payload)
        if isinstance(id_token, str):
            self.secrets.add(id_token)
        answer = {
            "access_token": access_token,
            "token_type": "bearer",
            "expires_in": _TOKEN_LIFETIME,
            "refresh_token": refresh_token,
            "id_token": id_token,
            "patient": self._icn_if("patient"),
        }
        return altered(answer, {})

    def _icn_if(self, place: str) -> object:
        return self.person.get("icn", ABSENT) if self.icn_in == place else ABSENT

    def _secret(self) -> str:
        secret = secrets.token_urlsafe(24)
        self.secrets.add(secret)
        return secret


def saying(
    body: bytes | str | Document = b"", status: int = 200, **headers: str
) -> Callable[[Request], Awaitable[Response]]:
    """A reply that says the same to everybody; an underscore in a header's name is a hyphen."""
    content = body if isinstance(body, bytes | str) else json.dumps(body)

    async def reply(_request: Request) -> Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Response(content, status, {"Content-Type": "application/json", **named})

    return reply


def redirecting(target: str, status: int = 302) -> Reply:
    """A reply that sends everybody elsewhere."""
    return saying(b"", status, Location=target)


async def never(_request: Request) -> Response:
    """A reply that comes after longer than anybody should wait for it."""
    pass_time(LONGER_THAN_ANYBODY_WAITS)
    # Whoever has waited for long enough gives up, which ends this, too.
    for _ in range(1000):
        await checkpoint()
    return _json({})


def _json(document: Mapping[str, Any] | Sequence[Any], status: int = 200) -> Response:
    # Escaped, so that even a lone surrogate can be said.
    return Response(json.dumps(document), status, media_type="application/json")
