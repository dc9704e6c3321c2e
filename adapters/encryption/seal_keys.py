"""The keys that authenticate the seals of the audit trail."""

import hmac
from typing import Final, final

from adapters.encryption.audit_keys import AuditKeyRing
from application.ports.seal_keys import SealKeys

_TAG_BYTES: Final = 16
_MAC_BYTES: Final = 32


@final
class HMACSealKeys(SealKeys):
    """HMAC-SHA256 under the sealing keys of a ring. A tag is the first half of a MAC."""

    def __init__(self, ring: AuditKeyRing) -> None:
        self._ring = ring
        self._key = ring.current.for_seals

    @property
    def key_id(self) -> str:
        return self._ring.current.id

    def authenticate(self, message: bytes) -> bytes:
        return hmac.digest(self._key, message, "sha256")

    def tag(self, message: bytes) -> bytes:
        return hmac.digest(self._key, message, "sha256")[:_TAG_BYTES]

    def knows(self, key_id: str) -> bool:
        return self._ring.find(key_id) is not None

    def is_authentic(self, message: bytes, mac: bytes, *, key_id: str) -> bool:
        key = self._ring.find(key_id)
        if key is None or len(mac) not in {_TAG_BYTES, _MAC_BYTES}:
            return False
        made = hmac.digest(key.for_seals, message, "sha256")
        return hmac.compare_digest(made[: len(mac)], mac)
