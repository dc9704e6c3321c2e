"""Wraps data keys with the operator's own master keys."""

from typing import Final, final

from adapters.encryption.key_ring import KeyRing
from adapters.encryption.sealed_box import SealedBox
from application.ports.key_wrapper import KeyWrapper
from application.ports.token_cipher import SealBrokenError
from domain.data_key import DATA_KEY_BYTES, DataKey, WrappedDataKey

_PURPOSE: Final = b"vetassist/data-key"


@final
class LocalKeyWrapper(KeyWrapper):
    """Wraps under the newest master key and unwraps under any of them, inside the process."""

    def __init__(self, key_ring: KeyRing) -> None:
        self._newest_id = key_ring.newest_id
        self._boxes = {key_id: SealedBox(key) for key_id, key in key_ring.keys.items()}

    @property
    def newest_key_id(self) -> str:
        return self._newest_id

    async def wrap(self, key: DataKey) -> WrappedDataKey:
        context = _context(key.user_id.bytes, key.version, self._newest_id)
        return WrappedDataKey(
            user_id=key.user_id,
            version=key.version,
            master_key_id=self._newest_id,
            box=self._boxes[self._newest_id].seal(key.key, context),
        )

    async def unwrap(self, wrapped: WrappedDataKey) -> DataKey:
        box = self._boxes.get(wrapped.master_key_id)
        if box is None:
            raise SealBrokenError
        context = _context(wrapped.user_id.bytes, wrapped.version, wrapped.master_key_id)
        key = box.open(wrapped.box, context)
        if len(key) != DATA_KEY_BYTES:
            raise SealBrokenError
        return DataKey(user_id=wrapped.user_id, version=wrapped.version, key=key)


def _context(user_id: bytes, version: int, master_key_id: str) -> bytes:
    return b"\0".join((_PURPOSE, master_key_id.encode(), str(version).encode(), user_id))
