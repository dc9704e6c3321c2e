"""Checks of the claims that the provider signed.

Source: OpenID Connect Core 1.0, sections 3.1.3.7 (ID token) and 5.3.2 (userinfo).
"""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Final, final

from adapters.va_oauth.documents import Document
from adapters.va_oauth.signatures import SignatureVerifier
from application.ports.clock import Clock

#: How far the provider's clock may differ from ours, in seconds.
LEEWAY_SECONDS: Final = 60
# Source: OpenID Connect Core 1.0, section 2: at most 255 ASCII characters.
_SUBJECT: Final = re.compile(r"[\x20-\x7e]{1,255}", re.ASCII)
# The end of year 9999, which keeps the arithmetic in bounds.
_MAX_NUMERIC_DATE: Final = 253_402_300_799


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedIDToken:
    """Claims with a verified signature, issuer, audience, times, and nonce, if one was sent."""

    subject: str = field(repr=False)
    claims: Document = field(repr=False)


@final
class ClaimsVerifier:
    """Verifies everything that can be verified."""

    def __init__(
        self, *, signatures: SignatureVerifier, issuer: str, client_id: str, clock: Clock
    ) -> None:
        self._signatures = signatures
        self._issuer = issuer
        self._client_id = client_id
        self._clock = clock

    async def id_token(
        self, token: str | None, *, nonce: str | None, access_token: str
    ) -> VerifiedIDToken:
        """Verifies an ID token.

        Args:
            token: The ID token as received.
            nonce: The nonce of the sign-in, or None for a refresh, whose token needs none.
            access_token: The access token issued with it.

        Raises:
            SigningKeyUnknownError: The provider hasn't published the key that signed it.
            UpstreamRejectedError: The token is missing, or isn't valid for another reason.
            ProviderUnavailableError: The provider's keys could not be fetched.
        """
        claims = await self._signatures.claims(token or "", source="id_token")
        if claims.text("iss") != self._issuer:
            raise claims.unacceptable("iss")
        self._check_audience(claims)
        self._check_times(claims, required=("exp", "iat"))
        if nonce is not None and not _same(claims.text("nonce"), nonce):
            raise claims.unacceptable("nonce")
        token_hash = claims.text("at_hash")
        if token_hash is not None and not _same(token_hash, _at_hash(access_token)):
            raise claims.unacceptable("at_hash")
        subject = claims.text("sub", _SUBJECT)
        if subject is None:
            raise claims.unacceptable("sub")
        return VerifiedIDToken(subject=subject, claims=claims)

    async def userinfo(self, token: str) -> Document:
        """Verifies userinfo that the provider signed, except for its `sub`.

        Providers often leave out `iss`, `aud` and times, which are verified if they are there.
        The answer belongs to the access token that was sent, as it does without a signature.

        Raises:
            The same errors as ``id_token``.
        """
        claims = await self._signatures.claims(token, source="userinfo")
        if claims.text("iss") not in {None, self._issuer}:
            raise claims.unacceptable("iss")
        audiences = claims.texts("aud")
        if audiences and self._client_id not in audiences:
            raise claims.unacceptable("aud")
        self._check_times(claims, required=())
        return claims

    def _check_audience(self, claims: Document) -> None:
        audiences = set(claims.texts("aud"))
        if self._client_id not in audiences:
            raise claims.unacceptable("aud")
        authorized = claims.text("azp")
        if authorized is None and len(audiences) > 1:
            raise claims.unacceptable("azp")
        if authorized is not None and authorized != self._client_id:
            raise claims.unacceptable("azp")

    def _check_times(self, claims: Document, *, required: tuple[str, ...]) -> None:
        now = self._clock.now().timestamp()
        # RFC 7519 allows fractions.
        times = {
            name: claims.number(name, at_most=_MAX_NUMERIC_DATE) for name in ("exp", "iat", "nbf")
        }
        for name in required:
            if times[name] is None:
                raise claims.unacceptable(name)
        expires_at, *begins = times.values()
        if expires_at is not None and now >= expires_at + LEEWAY_SECONDS:
            raise claims.unacceptable("expired")
        if any(begin is not None and begin > now + LEEWAY_SECONDS for begin in begins):
            raise claims.unacceptable("from_the_future")


def _same(claimed: str | None, expected: str) -> bool:
    return hmac.compare_digest((claimed or "").encode(), expected.encode())


def _at_hash(access_token: str) -> str:
    """Returns the left half of the SHA-256 (OpenID Connect Core 1.0, section 3.1.3.6)."""
    half = hashlib.sha256(access_token.encode()).digest()[:16]
    return urlsafe_b64encode(half).rstrip(b"=").decode()
