"""AES-256-GCM in a form that stores as text."""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final, final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from application.ports.token_cipher import SealBrokenError

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16


@final
class SealedBox:
    """One key; each box is a random 96-bit nonce, the ciphertext and a 128-bit tag, base64url.

    Source: NIST SP 800-38D, section 8.2.2: at most 2^32 boxes under one key.

    Raises:
        ValueError: The key is not 32 bytes long.
    """

    def __init__(self, key: bytes) -> None:
        # AESGCM would take 128 and 192 bits as well.
        if len(key) != _KEY_BYTES:
            raise ValueError("an AES-256 key is 32 bytes long")
        self._aead = AESGCM(key)

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """Encrypt, and authenticate ``context`` with it."""
        nonce = os.urandom(_NONCE_BYTES)
        return urlsafe_b64encode(nonce + self._aead.encrypt(nonce, plain, context))

    def open(self, box: bytes, context: bytes) -> bytes:
        """Decrypt.

        Raises:
            SealBrokenError: Altered, under another key, or with another context.
        """
        try:
            raw = urlsafe_b64decode(box)
        except ValueError as error:
            raise SealBrokenError from error
        # One spelling only, and room for nonce and tag.
        if urlsafe_b64encode(raw) != box or len(raw) < _NONCE_BYTES + _TAG_BYTES:
            raise SealBrokenError
        try:
            return self._aead.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], context)
        except InvalidTag as error:
            raise SealBrokenError from error
