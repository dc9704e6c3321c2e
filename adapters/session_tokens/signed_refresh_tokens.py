"""Refresh tokens that are authenticated with an HMAC.

A token has the form `IDS.SECRET.MAC`: the ids of the user and the session in base64url, the
256-bit secret, and the HMAC-SHA256 of both in base64url. A forged token therefore doesn't affect
the session that it names, and only a token that was really issued can count as theft.
"""

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final, final
from uuid import UUID

from application.errors import UnauthenticatedError
from application.ports.refresh_tokens import RefreshTokens
from domain.identifiers import SessionId, UserId
from domain.refresh_token import RefreshToken
from domain.secret import Secret

_SHAPE: Final = re.compile(
    r"([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{43})", re.ASCII
)
_UUID_BYTES: Final = 16
# Derives a separate key from the JWT secret, so that the secret itself signs only JWTs.
_PURPOSE: Final = b"vetassist/refresh-token/v1"


@final
class SignedRefreshTokens(RefreshTokens):
    """Signs with the current secret. Verifies with the current and the previous secret."""

    def __init__(self, *, secret: bytes, previous_secret: bytes | None) -> None:
        secrets = (secret, previous_secret)
        self._keys = tuple(
            hmac.digest(each, _PURPOSE, "sha256") for each in secrets if each is not None
        )

    def write(self, token: RefreshToken) -> Secret:
        ids = _encoded(token.user_id.bytes + token.session_id.bytes)
        secret = token.secret.reveal()
        return Secret(f"{ids}.{secret}.{_proof(self._keys[0], ids, secret)}")

    def read(self, text: str) -> RefreshToken:
        match = _SHAPE.fullmatch(text)
        if match is None:
            raise UnauthenticatedError
        ids, secret, proof = match.groups()
        if not any(hmac.compare_digest(_proof(key, ids, secret), proof) for key in self._keys):
            raise UnauthenticatedError
        raw = urlsafe_b64decode(ids + "=")
        return RefreshToken(
            user_id=UserId(UUID(bytes=raw[:_UUID_BYTES])),
            session_id=SessionId(UUID(bytes=raw[_UUID_BYTES:])),
            secret=Secret(secret),
        )


def _proof(key: bytes, ids: str, secret: str) -> str:
    return _encoded(hmac.digest(key, f"{ids}.{secret}".encode(), "sha256"))


def _encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
