"""Tokens as they were sealed before there were data keys."""

import os
from base64 import urlsafe_b64encode
from collections.abc import Collection, Mapping
from dataclasses import replace

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.identifiers import UserId
from domain.secret import Secret
from domain.va_tokens import SealedVATokens, TokenField, VATokens


def sealed_early(
    token: Secret, *, master_key_id: str, master_key: bytes, user_id: UserId, field: TokenField
) -> bytes:
    """`v1.MASTER-KEY-ID.BOX`, written down here once more so that the format cannot drift."""
    context = f"v1\0{master_key_id}\0{user_id}\0{field.value}".encode()
    nonce = os.urandom(12)
    box = nonce + AESGCM(master_key).encrypt(nonce, token.reveal().encode(), context)
    return f"v1.{master_key_id}.{urlsafe_b64encode(box).decode()}".encode()


def with_early_tokens(
    row: SealedVATokens,
    tokens: VATokens,
    *,
    fields: Collection[TokenField],
    master_keys: Mapping[str, bytes],
) -> SealedVATokens:
    """The same tokens, some of them sealed as they were then, with the first master key."""
    values = {
        TokenField.ACCESS: tokens.access_token,
        TokenField.REFRESH: tokens.refresh_token,
        TokenField.ID: tokens.id_token,
    }
    (key_id, key), *_ = master_keys.items()
    changes = {}
    for field in fields:
        token = values[field]
        assert token is not None
        changes[field.value] = sealed_early(
            token, master_key_id=key_id, master_key=key, user_id=row.user_id, field=field
        )
    return replace(row, **changes)  # type: ignore[arg-type]
