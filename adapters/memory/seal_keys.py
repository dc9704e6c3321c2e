"""Authenticates the seals of the audit trail without cryptography."""

import secrets
from typing import Final, final

from application.ports.seal_keys import SealKeys

_TAG_BYTES: Final = 16
_MAC_BYTES: Final = 32


@final
class MemorySealKeys(SealKeys):
    """Returns a random MAC for each message and remembers it, so that it can't be forged."""

    def __init__(self) -> None:
        self._key_id = secrets.token_hex(8)
        self._made: dict[tuple[str, int, bytes], bytes] = {}

    @property
    def key_id(self) -> str:
        return self._key_id

    def authenticate(self, message: bytes) -> bytes:
        return self._drawn(message, _MAC_BYTES)

    def tag(self, message: bytes) -> bytes:
        return self._drawn(message, _TAG_BYTES)

    def knows(self, key_id: str) -> bool:
        return key_id == self._key_id

    def is_authentic(self, message: bytes, mac: bytes, *, key_id: str) -> bool:
        return bool(mac) and self._made.get((key_id, len(mac), message)) == mac

    def _drawn(self, message: bytes, length: int) -> bytes:
        place = self._key_id, length, message
        return self._made.setdefault(place, secrets.token_bytes(length))
