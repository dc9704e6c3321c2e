"""Tokens as they were sealed before there were data keys."""

import os
from base64 import urlsafe_b64encode

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.identifiers import UserId
from domain.secret import Secret
from domain.va_tokens import TokenField


def sealed_early(
    token: Secret, *, master_key_id: str, master_key: bytes, user_id: UserId, field: TokenField
) -> bytes:
    """`v1.MASTER-KEY-ID.BOX`, written down here once more so that the format cannot drift."""
    context = f"v1\0{master_key_id}\0{user_id}\0{field.value}".encode()
    nonce = os.urandom(12)
    box = nonce + AESGCM(master_key).encrypt(nonce, token.reveal().encode(), context)
    return f"v1.{master_key_id}.{urlsafe_b64encode(box).decode()}".encode()
