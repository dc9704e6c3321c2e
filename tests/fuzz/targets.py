"""What is fed: everything that reads what a browser, VA, a client or an operator wrote."""

import hmac
import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final, cast
from uuid import UUID

from adapters.client_assertions.jwt_client_assertions import JWTClientAssertions
from adapters.session_tokens.jwt_session_tokens import JWTSessionTokens, JWTSettings
from adapters.va_oauth.bounded_http import Reply
from adapters.va_oauth.callback import code_of, read_callback
from adapters.va_oauth.documents import unsigned_document
from adapters.va_oauth.id_token import ClaimsVerifier
from adapters.va_oauth.metadata import ProviderDocuments, ProviderMetadata
from adapters.va_oauth.signatures import SignatureVerifier
from adapters.va_oauth.signing_keys import SigningKeys
from adapters.va_oauth.token_response import error_of, read_token_response, refresh_token_of
from application.errors import (
    ApplicationError,
    SigningKeyUnknownError,
    UnauthenticatedError,
    UpstreamRejectedError,
)
from application.ports.identity_provider import CallbackParameters
from domain.errors import InvalidAssertionError, InvalidServiceClientError
from domain.secret import Secret
from entrypoints.settings_reader import SettingsError, read_settings
from tests.fuzz.mutation import mutated
from tests.support.builders import NOW
from tests.support.environment import required_settings
from tests.support.forgery import AUDIENCE, HEADER, ISSUER, base64url, session_claims
from tests.support.frozen_clock import frozen_clock
from tests.support.hostile_provider import ec_jwk, rsa_key
from tests.support.service_clients import (
    a_client,
    assertion_claims,
    ec_key,
    ed_key,
    jwk_of,
    pem_of,
)
from tests.support.service_clients import rsa_key as client_rsa_key

_VA: Final = "https://va.example/oauth2"
_US: Final = "https://us.example"
_CLIENT: Final = "vetassist_fuzz"
_NOW: Final = int(NOW.timestamp())
#: How often the parts of a token are mutated and then signed, instead of the finished token.
_SIGNED_SHARE: Final = 0.7
#: How often their bytes are edited, instead of giving one claim another value.
_EDITED_SHARE: Final = 0.5
_ODD_VALUES: Final[Sequence[object]] = (
    *(None, True, 0, -1, 1, 1.5, 1e300, 10**400, _NOW, _NOW - 61, _NOW + 61, 253_402_300_800),
    *("", " ", "x" * 300, "\ud800", "\0", "\u200b", "00u-2", "1012667145V762142", str(UUID(int=3))),
    *([], [[]], [None], ["vetassist_fuzz", "other"], {}, {"a": []}),
)
_CHARSETS: Final = (None, "utf-8", "latin-1", "utf-16", "utf-7", "x-sjis", "hex", "idna", "\xff")
_STATUSES: Final = (200, 200, 200, 201, 400, 401, 403, 404, 429, 500, 503)


@dataclass(frozen=True, kw_only=True)
class Target:
    """One reader.

    Attributes:
        make: An input for it.
        feed: Lets it read the input.
        refusals: The errors that it documents. Any other one is a crash.
    """

    name: str
    make: Callable[[Random], Any]
    feed: Callable[[Any], object]
    refusals: tuple[type[Exception], ...]


def _encoded(*documents: Mapping[str, object]) -> list[bytes]:
    return [json.dumps(document).encode() for document in documents]


# The callback


def _feed_callback(query: bytes) -> None:
    parameters = CallbackParameters(query=Secret(query.decode("latin-1")))
    for is_required in (False, True):
        code_of(read_callback(parameters), issuer=_VA, is_issuer_required=is_required)


_CALLBACKS: Final = (
    b"code=abc-123&state=x_YZ&iss=https%3A%2F%2Fva.example%2Foauth2",
    b"error=access_denied&error_description=no+thanks&state=x_YZ",
    b"code=&error=server_error&state=%C3%A9",
)

# What the provider sends


def _reply(random: Random, samples: Sequence[bytes]) -> Reply:
    return Reply(
        status=random.choice(_STATUSES),
        body=mutated(random, samples),
        charset=random.choice(_CHARSETS),
        retry_after=mutated(random, _RETRY_AFTER).decode("latin-1"),
    )


def _feed_token_response(reply: Reply) -> None:
    refresh_token_of(reply)
    error_of(reply)
    read_token_response(reply, requested_scope="openid", now=NOW)


def _feed_keys(reply: Reply) -> None:
    keys = SigningKeys.parse(unsigned_document(reply, reason="keys_{}"))
    for key_id in (None, "fuzz", "ec"):
        keys.find(key_id)


def _feed_metadata(reply: Reply) -> str | None:
    return ProviderMetadata(unsigned_document(reply, reason="metadata_{}")).revocation_endpoint


_RETRY_AFTER: Final = (b"120", b"Fri, 31 Dec 2027 23:59:59 GMT", b"Fri, 31 Dec 2027 23:59 +0100")
_TOKEN_RESPONSES: Final = _encoded(
    {
        "access_token": "at-1",
        "token_type": "Bearer",
        "expires_in": 3600,
        "scope": "openid profile",
        "refresh_token": "rt-1",
        "id_token": "a.b.c",
        "patient": "1012667145V762142",
    },
    {"error": "invalid_grant", "error_description": "too late"},
    {"access_token": "at-1", "token_type": "bearer", "expires_in": "60", "scope": ["a", "b"]},
)
_METADATA: Final = _encoded(
    {
        "issuer": _VA,
        "authorization_endpoint": f"{_VA}/authorize",
        "token_endpoint": f"{_VA}/token",
        "jwks_uri": f"{_VA}/keys",
        "userinfo_endpoint": f"{_VA}/userinfo",
        "revocation_endpoint": f"{_VA}/revoke",
        "authorization_response_iss_parameter_supported": True,
    }
)
_KEYS: Final = _encoded({"keys": [rsa_key("fuzz").jwk(), ec_jwk()]})

# Tokens: the provider's, ours, and those of clients


def _token(
    random: Random,
    header: Mapping[str, object],
    claims: Mapping[str, object],
    sign: Callable[[bytes], bytes],
) -> str:
    is_signed = random.random() < _SIGNED_SHARE
    is_edited = random.random() < _EDITED_SHARE
    if not is_edited:
        claims = {**claims, random.choice([*claims, "other"]): random.choice(_ODD_VALUES)}
    parts = [_encoded(part)[0] for part in (header, claims)]
    if is_signed and is_edited:
        place = random.choice((0, 1, 1, 1))
        parts[place] = mutated(random, parts)
    covered = ".".join(base64url(part) for part in parts)
    token = f"{covered}.{base64url(sign(covered.encode()))}".encode()
    return (token if is_signed else mutated(random, [token])).decode("utf-8", "surrogateescape")


class _Documents:
    """The keys of the provider, without a provider."""

    _keys = SigningKeys.parse(unsigned_document(Reply(status=200, body=_KEYS[0]), reason="{}"))

    async def signing_key(self, key_id: str | None) -> object:
        key = self._keys.find(key_id)
        if key is None:
            raise SigningKeyUnknownError
        return key


_ID_TOKENS: Final = ClaimsVerifier(
    signatures=SignatureVerifier(cast("ProviderDocuments", _Documents())),
    issuer=_VA,
    client_id=_CLIENT,
    clock=frozen_clock(),
)
_ID_TOKEN_CLAIMS: Final = {
    "iss": _VA,
    "aud": [_CLIENT],
    "azp": _CLIENT,
    "sub": "00u-1",
    "nonce": "n-1",
    "iat": _NOW,
    "exp": _NOW + 600,
    "nbf": _NOW,
}


def _finished(work: Coroutine[Any, Any, object]) -> None:
    """Run to the end what waits for nothing."""
    try:
        work.send(None)
    except StopIteration:
        return
    raise AssertionError("it waits")


def _feed_id_token(token: str) -> None:
    _finished(_ID_TOKENS.id_token(token, nonce="n-1", access_token="at-1"))


_SECRET: Final = bytes(range(32))
_SESSION_TOKENS: Final = JWTSessionTokens(
    JWTSettings(
        secret=_SECRET,
        previous_secret=bytes(range(32, 64)),
        issuer=ISSUER,
        audience=AUDIENCE,
        include_icn=True,
        cache_size=64,
    )
)


def _our_signature(covered: bytes) -> bytes:
    return hmac.digest(_SECRET, covered, "sha256")


def _session_token(random: Random) -> str:
    return _token(random, HEADER, _SESSION_CLAIMS, _our_signature)


_SESSION_CLAIMS: Final = session_claims(user_id=UUID(int=1), session_id=UUID(int=2), now=NOW)

_ASSERTIONS: Final = JWTClientAssertions(audiences=[_US])
_CLIENT_KEY: Final = ed_key()
_HOLDER: Final = a_client(key=_ASSERTIONS.read_key(jwk_of(_CLIENT_KEY, alg="EdDSA", kid="k1")))


def _feed_assertion(token: str) -> None:
    _ASSERTIONS.claimed_client(Secret(token))
    _ASSERTIONS.verify(Secret(token), _HOLDER, now=NOW)


def _feed_client_key(document: str) -> None:
    _ASSERTIONS.read_key(document)


_CLIENT_KEYS: Final = (
    *(jwk_of(key, kid="k1").encode() for key in (_CLIENT_KEY, client_rsa_key())),
    *(pem_of(key).encode() for key in (_CLIENT_KEY, ec_key())),
)

# The settings


def _environment(random: Random) -> dict[str, str]:
    environment = dict(_SETTINGS)
    for _ in range(random.randint(1, 3)):
        name = random.choice(_NAMES)
        value = mutated(random, [_SETTINGS[name].encode()])
        # No variable has a NUL; the system wouldn't take it.
        environment[name] = value.replace(b"\0", b"").decode("utf-8", "surrogateescape")
    return environment


#: The same in every run, unlike the other keys here: those are as long each time.
_SECRETS: Final = Random(0)
_SETTINGS: Final = required_settings("postgresql://u:p@db.example:5432,[::1]/x?sslmode=prefer") | {
    "VETASSIST_JWT_SECRET": _SECRETS.randbytes(32).hex(),
    "VETASSIST_AUDIT_KEY": _SECRETS.randbytes(32).hex(),
    "VETASSIST_AUDIT_PREVIOUS_KEYS": _SECRETS.randbytes(32).hex(),
    "VETASSIST_TOKEN_KEYS": f"k1:{base64url(_SECRETS.randbytes(32))}",
    "VETASSIST_VA_CLIENT_SECRET": base64url(_SECRETS.randbytes(32)),
    "VETASSIST_PUBLIC_URL": "https://service.example/path",
    "VETASSIST_FRONTEND_URL": "https://front-end.example",
    "VETASSIST_JWT_EXPIRY_MINUTES": "30",
    "VETASSIST_JWT_INCLUDE_ICN": "true",
    "VETASSIST_VA_DISCOVERY_URL": f"{_VA}/.well-known/openid-configuration",
    "VETASSIST_VA_ISSUER": _VA,
    "VETASSIST_VA_SCOPES": "openid profile",
    "VETASSIST_VA_STATUS_URL": "https://va.example/status",
    "VETASSIST_SESSION_DELIVERY": "query",
    "VETASSIST_TRUSTED_PROXIES": "10.0.0.0/8, fd00::/8",
    "VETASSIST_LOG_LEVEL": "INFO",
    "VETASSIST_SUPPORT_PHONE": "+1 800 827 1000",
    "VETASSIST_SUPPORT_EMAIL": "help@support.example",
    "VETASSIST_SUPPORT_URL": "https://support.example/",
    "VETASSIST_DATABASE_TIMEOUT_SECONDS": "5",
    "VETASSIST_METRICS_PORT": "9000",
}
_NAMES: Final = sorted(_SETTINGS)

TARGETS: Final = (
    Target(
        name="callback",
        make=lambda random: mutated(random, _CALLBACKS),
        feed=_feed_callback,
        refusals=(ApplicationError,),
    ),
    Target(
        name="token response",
        make=lambda random: _reply(random, _TOKEN_RESPONSES),
        feed=_feed_token_response,
        refusals=(ApplicationError,),
    ),
    Target(
        name="metadata",
        make=lambda random: _reply(random, _METADATA),
        feed=_feed_metadata,
        refusals=(UpstreamRejectedError,),
    ),
    Target(
        name="JWKS",
        make=lambda random: _reply(random, _KEYS),
        feed=_feed_keys,
        refusals=(UpstreamRejectedError,),
    ),
    Target(
        name="ID token",
        make=lambda random: _token(
            random, {"alg": "RS256", "kid": "fuzz"}, _ID_TOKEN_CLAIMS, rsa_key("fuzz").rs256
        ),
        feed=_feed_id_token,
        refusals=(UpstreamRejectedError, SigningKeyUnknownError),
    ),
    Target(
        name="session JWT",
        make=_session_token,
        feed=lambda token: _SESSION_TOKENS.verify(token, now=NOW),
        refusals=(UnauthenticatedError,),
    ),
    Target(
        name="session JWT, to sign out",
        make=_session_token,
        feed=_SESSION_TOKENS.read,
        refusals=(UnauthenticatedError,),
    ),
    Target(
        name="client assertion",
        make=lambda random: _token(
            random,
            {"alg": "EdDSA", "kid": "k1", "typ": "JWT"},
            assertion_claims(_HOLDER.id, _US, jti="a-jti-of-some-length"),
            _CLIENT_KEY.sign,
        ),
        feed=_feed_assertion,
        refusals=(InvalidAssertionError,),
    ),
    Target(
        name="client key",
        make=lambda random: mutated(random, _CLIENT_KEYS).decode("utf-8", "replace"),
        feed=_feed_client_key,
        refusals=(InvalidServiceClientError,),
    ),
    Target(
        name="settings",
        make=_environment,
        feed=read_settings,
        refusals=(SettingsError,),
    ),
)
