"""Signing keys and the encoding of ID tokens."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Self

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_KEY_BITS: Final = 2048


def base64url(data: bytes) -> str:
    """Returns base64url without padding. Source: RFC 7515, section 2."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """An RSA key and its public half in two formats."""

    kid: str
    private_key: rsa.RSAPrivateKey
    public_pem: bytes
    jwk: Mapping[str, str]

    @classmethod
    def generate(cls) -> Self:
        """Returns a new key. Its id is a digest of its public half."""
        private_key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
        public_key = private_key.public_key()
        numbers = public_key.public_numbers()
        public_pem = public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        kid = base64url(sha256(public_pem).digest())
        jwk = {
            "kty": "RSA",
            "alg": "RS256",
            "use": "sig",
            "kid": kid,
            "n": base64url(numbers.n.to_bytes(_KEY_BITS // 8)),
            "e": base64url(numbers.e.to_bytes(3)),
        }
        return cls(kid=kid, private_key=private_key, public_pem=public_pem, jwk=jwk)


def rs256(key: SigningKey, data: bytes) -> bytes:
    """Signs with RS256, the only algorithm that VA uses."""
    return key.private_key.sign(data, padding.PKCS1v15(), hashes.SHA256())


def hs256_with_public_key(key: SigningKey, data: bytes) -> bytes:
    """Forges a signature for a verifier that lets the token choose the algorithm."""
    return hmac.digest(key.public_pem, data, "sha256")


def unsigned(_key: SigningKey, _data: bytes) -> bytes:
    """Returns an empty signature."""
    return b""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdToken:
    """An unsigned ID token, so that a fault can still change any part of it."""

    header: Mapping[str, object]
    claims: Mapping[str, object]
    key: SigningKey
    sign: Callable[[SigningKey, bytes], bytes] = rs256

    def encode(self) -> str:
        """Returns the signed token in compact form. Source: RFC 7515, section 3.1."""
        signed = f"{_segment(self.header)}.{_segment(self.claims)}"
        return f"{signed}.{base64url(self.sign(self.key, signed.encode()))}"


def _segment(document: Mapping[str, object]) -> str:
    return base64url(json.dumps(document, separators=(",", ":")).encode())
