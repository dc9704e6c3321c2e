"""AES-256-GCM with text output."""

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
    """Encrypts and decrypts boxes with one key.

    A box is a random 96-bit nonce, the ciphertext and a 128-bit tag, encoded as base64url.
    Random nonces allow at most 2^32 boxes under one key (NIST SP 800-38D, sections 8.2.2 and 8.3).

    Raises:
        ValueError: The key isn't 32 bytes long.
    """

    def __init__(self, key: bytes) -> None:
        # AESGCM also accepts keys of 128 and 192 bits.
        if len(key) != _KEY_BYTES:
            raise ValueError("an AES-256 key must be 32 bytes long")
        self._aead = AESGCM(key)

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """Encrypts ``plain`` and authenticates ``context`` with it."""
        nonce = os.urandom(_NONCE_BYTES)
        return urlsafe_b64encode(nonce + self._aead.encrypt(nonce, plain, context))

    def open(self, box: bytes, context: bytes) -> bytes:
        """Decrypts a box.

        Raises:
            SealBrokenError: The box was altered, or sealed with another key or context.
        """
        try:
            raw = urlsafe_b64decode(box)
        except ValueError as error:
            raise SealBrokenError from error
        # Accept only the canonical encoding, and require room for the nonce and the tag.
        if urlsafe_b64encode(raw) != box or len(raw) < _NONCE_BYTES + _TAG_BYTES:
            raise SealBrokenError
        try:
            return self._aead.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], context)
        except InvalidTag as error:
            raise SealBrokenError from error
