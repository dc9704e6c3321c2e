"""A registered client that has a private key. Needs the extra ``vetassist-client[key]``."""

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Final, final

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

PrivateKey = EllipticCurvePrivateKey | Ed25519PrivateKey | RSAPrivateKey

_JWT_BEARER: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_SECONDS: Final = 60
_LEAST_RSA_BITS: Final = 2048


@final
class ClientKey:
    """Signs a new assertion (RFC 7523) for each request.

    The public half of the key was registered with ``vetassist client add --public-key``.

    Args:
        client_id: The client id as registered.
        private_key: The private key: PEM without a password, or a key of ``cryptography``.
        audience: The VETASSIST_PUBLIC_URL of the service.
        key_id: The `kid` that ``vetassist client rotate-key`` printed. Optional.
        uses_pss: With an RSA key, sign with PS256. The registered JWK must say so too.
        clock: Returns the Unix time.

    Raises:
        ValueError: The key isn't one that the service accepts.
    """

    def __init__(
        self,
        client_id: str,
        private_key: bytes | str | PrivateKey,
        *,
        audience: str,
        key_id: str | None = None,
        uses_pss: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client_id = client_id
        self._key = _accepted(private_key)
        self._algorithm = _algorithm(self._key, uses_pss=uses_pss)
        self._audience = audience.rstrip("/")
        self._headers = {} if key_id is None else {"kid": key_id}
        self._clock = clock

    def headers(self) -> Mapping[str, str]:
        """Returns no headers."""
        return {}

    def fields(self) -> Mapping[str, str]:
        """Returns a new assertion. The service accepts each one only once."""
        now = int(self._clock())
        claims = {
            "iss": self._client_id,
            "sub": self._client_id,
            "aud": self._audience,
            "jti": secrets.token_urlsafe(16),
            "iat": now,
            "exp": now + _ASSERTION_SECONDS,
        }
        return {
            "client_assertion_type": _JWT_BEARER,
            "client_assertion": jwt.encode(
                claims, self._key, algorithm=self._algorithm, headers=self._headers
            ),
        }


def _accepted(key: bytes | str | PrivateKey) -> PrivateKey:
    if isinstance(key, bytes | str):
        pem = key.encode() if isinstance(key, str) else key
        try:
            loaded = load_pem_private_key(pem, password=None)
        except (TypeError, ValueError) as error:
            raise ValueError("the private key isn't PEM without a password") from error
    else:
        loaded = key
    if isinstance(loaded, EllipticCurvePrivateKey) and isinstance(loaded.curve, SECP256R1):
        return loaded
    if isinstance(loaded, RSAPrivateKey) and loaded.key_size >= _LEAST_RSA_BITS:
        return loaded
    if isinstance(loaded, Ed25519PrivateKey):
        return loaded
    raise ValueError("the private key must be P-256, Ed25519, or RSA of at least 2048 bits")


def _algorithm(key: PrivateKey, *, uses_pss: bool) -> str:
    if isinstance(key, RSAPrivateKey):
        return "PS256" if uses_pss else "RS256"
    if uses_pss:
        raise ValueError("only an RSA key can sign with PS256")
    return "EdDSA" if isinstance(key, Ed25519PrivateKey) else "ES256"
