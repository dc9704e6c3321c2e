"""Verification of ID tokens.

Source: OpenID Connect Core 1.0, section 3.1.3.7; RFC 8725.
"""

import hashlib
import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, final

import jwt

from adapters.va_oauth.metadata import ProviderDocuments
from adapters.va_oauth.signing_keys import ALGORITHM
from application.errors import UpstreamRejectedError
from application.ports.clock import Clock
from application.strict_json import NotStrictJSONError, object_of

#: How far the provider's clock may differ from ours, in seconds.
LEEWAY_SECONDS: Final = 60
_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_MAX_CHARACTERS: Final = 16_384
# Source: OpenID Connect Core 1.0, section 2: at most 255 ASCII characters.
_SUBJECT: Final = re.compile(r"[\x20-\x7e]{1,255}", re.ASCII)
# The end of year 9999, which keeps the arithmetic in bounds.
_MAX_NUMERIC_DATE: Final = 253_402_300_799


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedIDToken:
    """Claims with a verified signature, issuer, audience, times, and nonce, if one was sent."""

    subject: str = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False)


@final
class IDTokenVerifier:
    """Accepts RS256 with a key of the configured provider, and nothing else."""

    def __init__(
        self, *, documents: ProviderDocuments, issuer: str, client_id: str, clock: Clock
    ) -> None:
        self._documents = documents
        self._issuer = issuer
        self._client_id = client_id
        self._clock = clock
        self._codec = jwt.PyJWS(algorithms=[ALGORITHM])

    async def verify(
        self, token: object, *, nonce: str | None, access_token: str
    ) -> VerifiedIDToken:
        """Verifies everything that can be verified.

        Args:
            token: The ID token as received.
            nonce: The nonce of the sign-in, or None for a refresh, whose token needs none.
            access_token: The access token issued with it.

        Raises:
            SigningKeyUnknownError: The provider hasn't published the key that signed it.
            UpstreamRejectedError: The token isn't valid for another reason.
            ProviderUnavailableError: The provider's keys could not be fetched.
        """
        if (
            not isinstance(token, str)
            or len(token) > _MAX_CHARACTERS
            or not _SHAPE.fullmatch(token)
        ):
            raise UpstreamRejectedError("id_token_shape")
        key = await self._documents.signing_key(_key_id_of(token))
        claims = self._signed_claims(token, key)
        self._check_audience(claims)
        _check_times(claims, self._clock.now())
        if nonce is not None and not _same(claims.get("nonce"), nonce):
            raise UpstreamRejectedError("id_token_nonce")
        if "at_hash" in claims and not _same(claims["at_hash"], _at_hash(access_token)):
            raise UpstreamRejectedError("id_token_at_hash")
        subject = claims.get("sub")
        if not isinstance(subject, str) or not _SUBJECT.fullmatch(subject):
            raise UpstreamRejectedError("id_token_sub")
        return VerifiedIDToken(subject=subject, claims=claims)

    def _signed_claims(self, token: str, key: Any) -> dict[str, Any]:
        try:
            payload = self._codec.decode_complete(token, key, algorithms=[ALGORITHM])["payload"]
            return object_of(payload)
        except NotStrictJSONError as error:
            raise UpstreamRejectedError("id_token_claims") from error
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise UpstreamRejectedError("id_token_signature") from error

    def _check_audience(self, claims: Mapping[str, Any]) -> None:
        if claims.get("iss") != self._issuer:
            raise UpstreamRejectedError("id_token_iss")
        audience = claims.get("aud")
        audiences = [audience] if isinstance(audience, str) else audience
        if not isinstance(audiences, list) or self._client_id not in audiences:
            raise UpstreamRejectedError("id_token_aud")
        authorized = claims.get("azp")
        if authorized is None and len(audiences) > 1:
            raise UpstreamRejectedError("id_token_azp")
        if authorized is not None and authorized != self._client_id:
            raise UpstreamRejectedError("id_token_azp")


def _key_id_of(token: str) -> str | None:
    """Returns the `kid` of the header. Nothing else in the header is used, but `alg` is checked."""
    try:
        encoded = token.split(".", 1)[0]
        header = object_of(urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except ValueError as error:
        raise UpstreamRejectedError("id_token_header") from error
    key_id = header.get("kid")
    if header.get("alg") != ALGORITHM or "crit" in header or not isinstance(key_id, str | None):
        raise UpstreamRejectedError("id_token_header")
    return key_id


def _check_times(claims: Mapping[str, Any], now: datetime) -> None:
    seconds = now.timestamp()
    expires_at = _numeric_date(claims, "exp")
    issued_at = _numeric_date(claims, "iat")
    not_before = _numeric_date(claims, "nbf") if "nbf" in claims else issued_at
    if seconds >= expires_at + LEEWAY_SECONDS:
        raise UpstreamRejectedError("id_token_expired")
    if max(issued_at, not_before) > seconds + LEEWAY_SECONDS:
        raise UpstreamRejectedError("id_token_from_the_future")


def _numeric_date(claims: Mapping[str, Any], name: str) -> float:
    # RFC 7519 allows fractions. In Python, a bool is an int.
    value: Any = claims.get(name)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and 0 <= value <= _MAX_NUMERIC_DATE:
        return float(value)
    raise UpstreamRejectedError(f"id_token_{name}")


def _same(claimed: object, expected: str) -> bool:
    return isinstance(claimed, str) and hmac.compare_digest(claimed.encode(), expected.encode())


def _at_hash(access_token: str) -> str:
    """Returns the left half of the SHA-256 (OpenID Connect Core 1.0, section 3.1.3.6)."""
    half = hashlib.sha256(access_token.encode()).digest()[:16]
    return urlsafe_b64encode(half).rstrip(b"=").decode()
