"""The keys of the audit trail: what the operator sets, and the keys derived from it."""

from collections.abc import Sequence
from typing import Final, final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_BYTES: Final = 32
_ID_BYTES: Final = 8


@final
class AuditKey:
    """One audit key, as a subkey for each purpose: HKDF (RFC 5869) with a label each.

    Attributes:
        id: 16 hexadecimal digits derived from the key, so that nobody has to name it.
        for_pseudonyms: Key of the visitors' pseudonyms.
        for_seals: Key that authenticates the seals of the trail.
    """

    __slots__ = ("for_pseudonyms", "for_seals", "id")

    def __init__(self, key: bytes) -> None:
        self.id = _derived(key, b"key id", _ID_BYTES).hex()
        self.for_pseudonyms = _derived(key, b"visitor pseudonyms", _BYTES)
        self.for_seals = _derived(key, b"seals", _BYTES)

    def __repr__(self) -> str:
        return f"AuditKey({self.id})"


@final
class AuditKeyRing:
    """The audit key in use, and those of before, which only verify."""

    def __init__(self, current: bytes, previous: Sequence[bytes] = ()) -> None:
        self.current: Final = AuditKey(current)
        self._by_id = {key.id: key for key in (*map(AuditKey, previous), self.current)}

    def find(self, key_id: str) -> AuditKey | None:
        """The key of an id, or None when it is none of ours."""
        return self._by_id.get(key_id)


def _derived(key: bytes, purpose: bytes, length: int) -> bytes:
    kdf = HKDF(algorithm=SHA256(), length=length, salt=None, info=b"vetassist audit/" + purpose)
    return kdf.derive(key)
