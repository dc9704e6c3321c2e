"""Wraps data keys without cryptography."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, final

from application.ports.key_wrapper import KeyWrapper
from application.ports.token_cipher import SealBrokenError
from domain.data_key import DataKey, WrappedDataKey

_HANDLE_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class MemoryKeySafe:
    """Holds the data keys. Wrappers with different master keys can share a safe."""

    keys: dict[WrappedDataKey, DataKey] = field(default_factory=dict, repr=False)


@final
class MemoryKeyWrapper(KeyWrapper):
    """Returns random handles instead of encrypted keys.

    Args:
        key_ids: The ids of the master keys, newest first. The first key wraps; every key unwraps.
        safe: Holds the data keys.
    """

    def __init__(self, key_ids: Sequence[str] = ("k1",), safe: MemoryKeySafe | None = None) -> None:
        self._key_ids = tuple(key_ids)
        self._safe = safe or MemoryKeySafe()

    @property
    def newest_key_id(self) -> str:
        return self._key_ids[0]

    async def wrap(self, key: DataKey) -> WrappedDataKey:
        wrapped = WrappedDataKey(
            user_id=key.user_id,
            version=key.version,
            master_key_id=self.newest_key_id,
            box=secrets.token_bytes(_HANDLE_BYTES),
        )
        self._safe.keys[wrapped] = key
        return wrapped

    async def unwrap(self, wrapped: WrappedDataKey) -> DataKey:
        key = self._safe.keys.get(wrapped)
        if key is None or wrapped.master_key_id not in self._key_ids:
            raise SealBrokenError
        return key
