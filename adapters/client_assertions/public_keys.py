"""Public keys of clients (RFC 7517, RFC 7518, RFC 8037)."""

import hashlib
import json
from base64 import urlsafe_b64encode
from typing import Any, Final

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from application.strict_json import NotStrictJSONError, object_of
from domain.errors import InvalidServiceClientError
from domain.service_client import ClientKey, SigningAlgorithm

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey

_MIN_BITS: Final = 2048
# Larger keys only slow down verification.
_MAX_BITS: Final = 8192
_MAX_CHARACTERS: Final = 16_384
_MAX_ID_CHARACTERS: Final = 128
# Members of private or secret keys only. Source: RFC 7518, section 6, and RFC 8037, section 2.
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
# Source: RFC 7638, section 3.2, and RFC 8037, section 2.
_REQUIRED: Final = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y")}
_REQUIRED_OF_OKP: Final = ("crv", "kty", "x")


def read_public_key(document: str) -> ClientKey:
    """Reads a public key from PEM or from a JWK.

    An RSA key in PEM, or in a JWK without `alg`, is used with RS256.

    Raises:
        InvalidServiceClientError: The document isn't a public key, or the key isn't accepted.
    """
    text = document.strip()
    if len(text) > _MAX_CHARACTERS:
        raise InvalidServiceClientError("the public key's file is too long")
    key_id, algorithm, key = _from_jwk(text) if text.startswith("{") else (None, None, _pem(text))
    if algorithm is None:
        algorithm = _usual_algorithm(key)
    if not is_fit(key, algorithm):
        raise InvalidServiceClientError(
            "the public key must be RSA of 2048 to 8192 bits, EC P-256 or Ed25519, and fit its alg"
        )
    members = _public_members(key)
    return ClientKey(
        id=key_id or _thumbprint(members),
        algorithm=algorithm,
        jwk=json.dumps(members, sort_keys=True),
    )


def load_key(key: ClientKey) -> PublicKey | None:
    """Returns the key to verify with, or None if the stored key doesn't fit its algorithm."""
    try:
        loaded = _loaded(json.loads(key.jwk))
    except InvalidServiceClientError:
        return None
    return loaded if is_fit(loaded, key.algorithm) else None


def is_fit(key: PublicKey, algorithm: SigningAlgorithm) -> bool:
    """Whether the key fits the algorithm and is strong enough."""
    if isinstance(key, RSAPublicKey):
        return (
            algorithm in {SigningAlgorithm.RS256, SigningAlgorithm.PS256}
            and _MIN_BITS <= key.key_size <= _MAX_BITS
        )
    if isinstance(key, EllipticCurvePublicKey):
        return algorithm is SigningAlgorithm.ES256 and isinstance(key.curve, SECP256R1)
    return algorithm is SigningAlgorithm.EDDSA


def _from_jwk(text: str) -> tuple[str | None, SigningAlgorithm | None, PublicKey]:
    try:
        members = object_of(text.encode())
    except (NotStrictJSONError, UnicodeEncodeError):
        raise InvalidServiceClientError("the public key's file isn't a valid JWK") from None
    if not _PRIVATE.isdisjoint(members):
        raise InvalidServiceClientError("this is a private or secret key: use the public key")
    operations = members.get("key_ops", ["verify"])
    if members.get("use", "sig") != "sig" or operations != ["verify"]:
        raise InvalidServiceClientError("the public key must be meant for verifying signatures")
    algorithm = None
    if "alg" in members:
        if members["alg"] not in list(SigningAlgorithm):
            raise InvalidServiceClientError("the public key's alg is not accepted")
        algorithm = SigningAlgorithm(members["alg"])
    key_id = members.get("kid")
    if key_id is not None and not _is_key_id(key_id):
        raise InvalidServiceClientError("the public key's kid must be 1 to 128 ASCII characters")
    return key_id, algorithm, _loaded(members)


def _is_key_id(value: object) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value) <= _MAX_ID_CHARACTERS
        and value.isascii()
        and value.isprintable()
    )


def _loaded(members: dict[str, Any]) -> PublicKey:
    required = _REQUIRED.get(str(members.get("kty")), _REQUIRED_OF_OKP)
    try:
        bare = {name: members[name] for name in required}
        # Without `alg`, PyJWK picks the default of the key type. We only need it to parse the key.
        key = jwt.PyJWK(bare).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, UnsupportedAlgorithm):
        raise InvalidServiceClientError("the public key's file isn't a valid JWK") from None
    return _accepted(key)


def _pem(text: str) -> PublicKey:
    if "PRIVATE KEY" in text:
        raise InvalidServiceClientError("this is a private or secret key: use the public key")
    try:
        key = load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidServiceClientError(
            "the public key's file is neither PEM (SubjectPublicKeyInfo) nor a JWK"
        ) from None
    return _accepted(key)


def _accepted(key: object) -> PublicKey:
    if not isinstance(key, RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey):
        raise InvalidServiceClientError("the public key must be RSA, EC P-256 or Ed25519")
    return key


def _usual_algorithm(key: PublicKey) -> SigningAlgorithm:
    if isinstance(key, RSAPublicKey):
        return SigningAlgorithm.RS256
    if isinstance(key, EllipticCurvePublicKey):
        return SigningAlgorithm.ES256
    return SigningAlgorithm.EDDSA


def _public_members(key: PublicKey) -> dict[str, str]:
    if isinstance(key, RSAPublicKey):
        written = RSAAlgorithm.to_jwk(key, as_dict=True)
    elif isinstance(key, EllipticCurvePublicKey):
        written = ECAlgorithm.to_jwk(key, as_dict=True)
    else:
        written = OKPAlgorithm.to_jwk(key, as_dict=True)
    return {name: written[name] for name in _REQUIRED.get(written["kty"], _REQUIRED_OF_OKP)}


def _thumbprint(members: dict[str, str]) -> str:
    """Returns the RFC 7638 thumbprint: SHA-256 of the required members, sorted, no whitespace."""
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(canonical.encode()).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
