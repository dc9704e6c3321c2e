"""VA's tokens under AES-256-GCM.

A sealed token reads `v1.KEY-ID.BASE64URL`, where the last part is a 96-bit nonce, the
ciphertext and the 128-bit tag (NIST SP 800-38D). Version, key id, user and field are
authenticated with it, so a value that is altered, moved to another user or column, or
relabelled with another key id does not open.
"""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final, final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.encryption.key_ring import KeyRing
from application.ports.token_cipher import SealBrokenError, TokenCipher
from domain.identifiers import UserId
from domain.secret import Secret
from domain.va_tokens import TokenField

_VERSION: Final = b"v1"
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_PARTS: Final = 3


@final
class AESGCMTokenCipher(TokenCipher):
    """Random nonces: change the key before it has sealed 2^32 tokens."""

    def __init__(self, key_ring: KeyRing) -> None:
        self._newest_id = key_ring.newest_id.encode()
        self._keys = {key_id.encode(): AESGCM(key) for key_id, key in key_ring.keys.items()}

    def seal(self, token: Secret, *, user_id: UserId, field: TokenField) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        context = _context(self._newest_id, user_id, field)
        box = self._keys[self._newest_id].encrypt(nonce, token.reveal().encode(), context)
        return b".".join((_VERSION, self._newest_id, urlsafe_b64encode(nonce + box)))

    def open(self, sealed: bytes, *, user_id: UserId, field: TokenField) -> Secret:
        parts = sealed.split(b".")
        if len(parts) != _PARTS or parts[0] != _VERSION or parts[1] not in self._keys:
            raise SealBrokenError
        _, key_id, encoded = parts
        try:
            box = urlsafe_b64decode(encoded)
        except ValueError as error:
            raise SealBrokenError from error
        # One spelling only, and room for nonce and tag.
        if urlsafe_b64encode(box) != encoded or len(box) < _NONCE_BYTES + _TAG_BYTES:
            raise SealBrokenError
        try:
            plain = self._keys[key_id].decrypt(
                box[:_NONCE_BYTES], box[_NONCE_BYTES:], _context(key_id, user_id, field)
            )
        except InvalidTag as error:
            raise SealBrokenError from error
        return Secret(plain.decode())


def _context(key_id: bytes, user_id: UserId, field: TokenField) -> bytes:
    return b"\0".join((_VERSION, key_id, str(user_id).encode(), field.value.encode()))
