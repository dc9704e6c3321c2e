"""The audit keys that the operator sets, and the subkeys derived from them."""

from collections.abc import Sequence
from typing import Final, final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_BYTES: Final = 32
_ID_BYTES: Final = 8


@final
class AuditKey:
    """One audit key, split into a subkey for each purpose with HKDF (RFC 5869).

    Attributes:
        id: 16 hexadecimal digits derived from the key, so the operator doesn't need to name it.
        for_pseudonyms: The key for visitor pseudonyms.
        for_seals: The key that authenticates the seals of the audit trail.
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
    """The current audit key, and previous keys that only verify."""

    def __init__(self, current: bytes, previous: Sequence[bytes] = ()) -> None:
        self.current: Final = AuditKey(current)
        self._by_id = {key.id: key for key in (*map(AuditKey, previous), self.current)}

    def find(self, key_id: str) -> AuditKey | None:
        """Returns the key with this id, or None if it isn't in the ring."""
        return self._by_id.get(key_id)


def _derived(key: bytes, purpose: bytes, length: int) -> bytes:
    kdf = HKDF(algorithm=SHA256(), length=length, salt=None, info=b"vetassist audit/" + purpose)
    return kdf.derive(key)
