"""Sealed tokens in memory."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, final

from application.ports.token_cipher import SealBrokenError, TokenCipher
from domain.identifiers import UserId
from domain.secret import Secret
from domain.va_tokens import TokenField

_HANDLE_BYTES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class _Box:
    key_id: str
    user_id: UserId
    field: TokenField
    token: Secret


@dataclass(frozen=True, slots=True)
class MemorySafe:
    """Where the tokens themselves stay; ciphers with different keys can share one."""

    boxes: dict[bytes, _Box] = field(default_factory=dict, repr=False)


@final
class MemoryTokenCipher(TokenCipher):
    """Hands out handles instead of ciphertexts; a handle that is altered leads nowhere.

    Args:
        key_ids: The newest first: the first seals, every one opens.
        safe: Holds the tokens.
    """

    def __init__(self, key_ids: Sequence[str], safe: MemorySafe | None = None) -> None:
        self._key_ids = tuple(key_ids)
        self._safe = safe or MemorySafe()

    def seal(self, token: Secret, *, user_id: UserId, field: TokenField) -> bytes:
        key_id = self._key_ids[0]
        sealed = f"memory.{key_id}.{secrets.token_hex(_HANDLE_BYTES)}".encode()
        self._safe.boxes[sealed] = _Box(key_id=key_id, user_id=user_id, field=field, token=token)
        return sealed

    def open(self, sealed: bytes, *, user_id: UserId, field: TokenField) -> Secret:
        box = self._safe.boxes.get(sealed)
        if box is None or box.key_id not in self._key_ids:
            raise SealBrokenError
        if (box.user_id, box.field) != (user_id, field):
            raise SealBrokenError
        return box.token
