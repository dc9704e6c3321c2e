"""Seals VA tokens with AES-256-GCM.

A sealed token has the form `v2.KEY-VERSION.BOX` and is sealed under its user's data key. The
version, the user and the field are authenticated too, so a value that was altered, or moved to
another user, column or key version, doesn't open.

Tokens that are older than data keys have the form `v1.MASTER-KEY-ID.BOX` and are sealed under a
master key. They can still be opened. They are sealed under a data key when they are next written
or rewrapped.
"""

from typing import Final, final

from adapters.encryption.key_ring import KeyRing
from adapters.encryption.sealed_box import SealedBox
from application.ports.token_cipher import SealBrokenError, TokenCipher
from domain.data_key import DataKey
from domain.identifiers import UserId
from domain.secret import Secret
from domain.va_tokens import TokenField

_VERSION: Final = b"v2"
_EARLIER_VERSION: Final = b"v1"
_PARTS: Final = 3


@final
class AESGCMTokenCipher(TokenCipher):
    """Seals under data keys. The master keys only open tokens that are older than data keys."""

    def __init__(self, key_ring: KeyRing) -> None:
        self._master_keys = {
            key_id.encode(): SealedBox(key) for key_id, key in key_ring.keys.items()
        }

    def seal(self, token: Secret, *, key: DataKey, field: TokenField) -> bytes:
        version = str(key.version).encode()
        context = _context(_VERSION, version, key.user_id, field)
        box = SealedBox(key.key).seal(token.reveal().encode(), context)
        return b".".join((_VERSION, version, box))

    def open(
        self, sealed: bytes, *, user_id: UserId, key: DataKey | None, field: TokenField
    ) -> Secret:
        parts = sealed.split(b".")
        if len(parts) != _PARTS:
            raise SealBrokenError
        version, key_name, box = parts
        opener = self._opener(version, key_name, user_id, key)
        return Secret(opener.open(box, _context(version, key_name, user_id, field)).decode())

    def is_current(self, sealed: bytes) -> bool:
        return sealed.startswith(_VERSION + b".")

    def _opener(
        self, version: bytes, key_name: bytes, user_id: UserId, key: DataKey | None
    ) -> SealedBox:
        if version == _EARLIER_VERSION and key_name in self._master_keys:
            return self._master_keys[key_name]
        if version != _VERSION or key is None or key.user_id != user_id:
            raise SealBrokenError
        if key_name != str(key.version).encode():
            raise SealBrokenError
        return SealedBox(key.key)


def _context(version: bytes, key_name: bytes, user_id: UserId, field: TokenField) -> bytes:
    return b"\0".join((version, key_name, str(user_id).encode(), field.value.encode()))
