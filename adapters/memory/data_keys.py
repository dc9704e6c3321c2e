"""Stored data keys, in memory."""

from typing import final

from adapters.memory.store import MemoryTables
from application.ports.data_keys import DataKeys
from domain.data_key import WrappedDataKey
from domain.identifiers import UserId


@final
class MemoryDataKeys(DataKeys):
    """Reads and writes the draft of one unit of work."""

    def __init__(self, draft: MemoryTables) -> None:
        self._keys = draft.data_keys

    async def put(self, wrapped: WrappedDataKey) -> None:
        self._keys[wrapped.user_id] = wrapped

    async def find(self, user_id: UserId) -> WrappedDataKey | None:
        return self._keys.get(user_id)

    async def list_not_under(
        self, master_key_id: str, *, after: UserId | None, limit: int
    ) -> list[WrappedDataKey]:
        found = [
            self._keys[user_id]
            for user_id in sorted(self._keys)
            if (after is None or user_id > after)
            and self._keys[user_id].master_key_id != master_key_id
        ]
        return found[:limit]

    async def count_not_under(self, master_key_id: str) -> int:
        return sum(key.master_key_id != master_key_id for key in self._keys.values())

    async def replace(self, old: WrappedDataKey, new: WrappedDataKey) -> bool:
        if self._keys.get(old.user_id) != old:
            return False
        self._keys[old.user_id] = new
        return True

    async def destroy(self, user_id: UserId) -> None:
        self._keys.pop(user_id, None)
