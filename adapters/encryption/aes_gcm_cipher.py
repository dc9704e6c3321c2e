"""VA's tokens under AES-256-GCM.

A sealed token reads `v2.KEY-VERSION.BOX` and is sealed under its user's data key. Version, user
and field are authenticated with it, so a value that is altered, or moved to another user,
column or key version, does not open. Tokens from before there were data keys read
`v1.MASTER-KEY-ID.BOX`, sealed under a master key; they are still opened, and sealed anew when
they are next written or rewrapped.
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
    """Seals under data keys; the master keys only open what is older than those."""

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
