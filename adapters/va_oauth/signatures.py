"""Verification of what the provider signed (RFC 7515, RFC 8725)."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final, final

import jwt

from adapters.va_oauth.documents import Document, signed_document
from adapters.va_oauth.metadata import ProviderDocuments
from adapters.va_oauth.signing_keys import ALGORITHM
from application.errors import UpstreamRejectedError

_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_MAX_CHARACTERS: Final = 16_384


def is_signed(text: str) -> bool:
    """Whether a text has the form of a signed token."""
    return _SHAPE.fullmatch(text) is not None


@final
class SignatureVerifier:
    """Accepts RS256 with a key of the configured provider, and nothing else."""

    def __init__(self, documents: ProviderDocuments) -> None:
        self._documents = documents
        self._rs256 = jwt.PyJWS(algorithms=[ALGORITHM]).get_algorithm_by_name(ALGORITHM)

    async def claims(self, token: str, *, source: str) -> Document:
        """Returns the claims of a token in compact form, with a verified signature.

        Args:
            token: The token as received.
            source: What the token is. The reasons of the errors begin with it.

        Raises:
            SigningKeyUnknownError: The provider hasn't published the key that signed it.
            UpstreamRejectedError: The token isn't valid for another reason.
            ProviderUnavailableError: The provider's keys could not be fetched.
        """
        if len(token) > _MAX_CHARACTERS or not is_signed(token):
            raise UpstreamRejectedError(f"{source}_shape")
        header, payload, signature = token.split(".")
        key = await self._documents.signing_key(_key_id(header, f"{source}_header"))
        reason = f"{source}_signature"
        proof, claims = _decoded(signature, reason), _decoded(payload, reason)
        if not self._rs256.verify(f"{header}.{payload}".encode(), key, proof):
            raise UpstreamRejectedError(reason)
        return signed_document(claims, reason=f"{source}_{{}}", whole="claims")


def _key_id(segment: str, reason: str) -> str | None:
    """Returns the `kid` of the header. Nothing else in the header is used, but `alg` is checked."""
    header = signed_document(_decoded(segment, reason), reason=reason)
    if header.said("alg") != ALGORITHM or header.mentions("crit"):
        raise UpstreamRejectedError(reason)
    return header.text("kid")


def _decoded(segment: str, reason: str) -> bytes:
    """Decodes base64url, of which each value has only one spelling."""
    try:
        data = urlsafe_b64decode(segment + "==")
    except ValueError as error:
        raise UpstreamRejectedError(reason) from error
    if urlsafe_b64encode(data).rstrip(b"=").decode() != segment:
        raise UpstreamRejectedError(reason)
    return data
