"""The provider's public keys (RFC 7517)."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, Self, final

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

ALGORITHM: Final = "RS256"
_MIN_BITS: Final = 2048
# Larger keys only slow verification down.
_MAX_BITS: Final = 8192


@final
class SigningKeys:
    """The RSA keys of a JWKS that may sign ID tokens. Other keys are ignored."""

    def __init__(self, named: Mapping[str, RSAPublicKey], only: RSAPublicKey | None) -> None:
        self._named = named
        self._only = only

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Self:
        """Reads a JWKS. Ignores unusable entries, and ids that appear twice."""
        entries = document.get("keys")
        usable = [
            (str(entry["kid"]) if "kid" in entry else None, key)
            for entry in (entries if isinstance(entries, list) else [])
            if isinstance(entry, dict) and (key := _key_of(entry)) is not None
        ]
        times = Counter(key_id for key_id, _ in usable)
        named = {
            key_id: key for key_id, key in usable if isinstance(key_id, str) and times[key_id] == 1
        }
        return cls(named, usable[0][1] if len(usable) == 1 else None)

    def find(self, key_id: str | None) -> RSAPublicKey | None:
        """Returns the key with that id, or the only key if there is no id (OIDC Core, 10.1)."""
        return self._only if key_id is None else self._named.get(key_id)


def _key_of(entry: dict[str, Any]) -> RSAPublicKey | None:
    operations = entry.get("key_ops")
    if (
        entry.get("kty") != "RSA"
        or "d" in entry
        or entry.get("use", "sig") != "sig"
        or entry.get("alg", ALGORITHM) != ALGORITHM
        or (
            operations is not None
            and (not isinstance(operations, list) or "verify" not in operations)
        )
    ):
        return None
    try:
        key = jwt.PyJWK(entry, algorithm=ALGORITHM).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    if not isinstance(key, RSAPublicKey) or not _MIN_BITS <= key.key_size <= _MAX_BITS:
        return None
    return key
