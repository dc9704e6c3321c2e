"""Committed front ends, in memory."""

from collections.abc import Sequence
from typing import final

from adapters.memory.front_ends import oldest_first
from adapters.memory.store import MemoryStore
from application.ports.front_end_directory import FrontEndDirectory
from domain.front_end import FrontEnd, FrontEndId


@final
class MemoryFrontEndDirectory(FrontEndDirectory):
    """Reads only committed data, even while a unit of work is open."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def find(self, front_end_id: FrontEndId) -> FrontEnd | None:
        return self._store.committed.front_ends.get(front_end_id)

    async def list_all(self) -> Sequence[FrontEnd]:
        return oldest_first(self._store.committed.front_ends)
