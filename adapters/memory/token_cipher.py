"""Seals VA tokens without cryptography."""

import secrets
from dataclasses import dataclass, field
from typing import Final, final

from application.ports.token_cipher import SealBrokenError, TokenCipher
from domain.data_key import DataKey
from domain.identifiers import UserId
from domain.secret import Secret
from domain.va_tokens import TokenField

_HANDLE_BYTES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class _Box:
    key: DataKey
    field: TokenField
    token: Secret


@dataclass(frozen=True, slots=True)
class MemorySafe:
    """Holds the tokens. Several ciphers can share a safe."""

    boxes: dict[bytes, _Box] = field(default_factory=dict, repr=False)


@final
class MemoryTokenCipher(TokenCipher):
    """Returns random handles instead of ciphertexts. An altered handle doesn't open."""

    def __init__(self, safe: MemorySafe | None = None) -> None:
        self._safe = safe or MemorySafe()

    def seal(self, token: Secret, *, key: DataKey, field: TokenField) -> bytes:
        sealed = f"memory.{key.version}.{secrets.token_hex(_HANDLE_BYTES)}".encode()
        self._safe.boxes[sealed] = _Box(key=key, field=field, token=token)
        return sealed

    def open(
        self, sealed: bytes, *, user_id: UserId, key: DataKey | None, field: TokenField
    ) -> Secret:
        box = self._safe.boxes.get(sealed)
        if box is None or (box.key, box.field) != (key, field) or box.key.user_id != user_id:
            raise SealBrokenError
        return box.token

    def is_current(self, sealed: bytes) -> bool:
        return sealed.startswith(b"memory.")
