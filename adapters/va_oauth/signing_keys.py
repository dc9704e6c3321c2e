"""The provider's public keys (RFC 7517)."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final, Self, final

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from adapters.va_oauth.documents import Document
from application.errors import UpstreamRejectedError

ALGORITHM: Final = "RS256"
_MIN_BITS: Final = 2048
# Larger keys only slow verification down.
_MAX_BITS: Final = 8192

_Keys = dict[RSAPublicNumbers, RSAPublicKey]


@final
class SigningKeys:
    """The RSA keys of a JWKS that may sign ID tokens. Other keys are ignored."""

    def __init__(self, named: Mapping[str | None, _Keys], every: _Keys) -> None:
        self._named = named
        self._all = every

    @classmethod
    def parse(cls, document: Document) -> Self:
        """Reads a JWKS. Ignores unusable entries, and ids of more than one key.

        Raises:
            UpstreamRejectedError: The list of keys can't be read.
        """
        named: defaultdict[str | None, _Keys] = defaultdict(dict)
        every: _Keys = {}
        for entry in document.nested_list("keys"):
            try:
                key_id, key = entry.text("kid"), _key_of(entry)
            except UpstreamRejectedError:
                continue
            if key is not None:
                # The same key may be listed twice.
                named[key_id][key.public_numbers()] = every[key.public_numbers()] = key
        return cls(dict(named), every)

    def find(self, key_id: str | None) -> RSAPublicKey | None:
        """Returns the key with that id. Without ids, the only key (OIDC Core, section 10.1)."""
        has_ids = key_id is not None and set(self._named) != {None}
        keys = self._named.get(key_id, {}) if has_ids else self._all
        return next(iter(keys.values())) if len(keys) == 1 else None


def _key_of(entry: Document) -> RSAPublicKey | None:
    operations = entry.said("key_ops")
    if (
        entry.said("kty") != "RSA"
        or entry.said("d") is not None
        or entry.said("use") not in (None, "sig")
        or entry.said("alg") not in (None, ALGORITHM)
        or (
            operations is not None
            and (not isinstance(operations, list) or "verify" not in operations)
        )
    ):
        return None
    # Only what is needed, because PyJWT judges members that don't matter.
    public = {"kty": "RSA", "n": entry.said("n"), "e": entry.said("e")}
    try:
        key = jwt.PyJWK(public, algorithm=ALGORITHM).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    if not isinstance(key, RSAPublicKey) or not _MIN_BITS <= key.key_size <= _MAX_BITS:
        return None
    return key
