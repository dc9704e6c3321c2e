"""Registered front ends, in memory."""

from collections.abc import Sequence
from typing import final

from adapters.memory.store import MemoryTables
from application.errors import ConflictError
from application.ports.front_ends import FrontEnds
from domain.front_end import FrontEnd, FrontEndId


@final
class MemoryFrontEnds(FrontEnds):
    """Reads and writes the draft of one unit of work."""

    def __init__(self, draft: MemoryTables) -> None:
        self._front_ends = draft.front_ends

    async def add(self, front_end: FrontEnd) -> None:
        if front_end.id in self._front_ends:
            raise ConflictError
        await self.save(front_end)

    async def find(self, front_end_id: FrontEndId) -> FrontEnd | None:
        return self._front_ends.get(front_end_id)

    async def hold(self, front_end_id: FrontEndId) -> FrontEnd | None:
        return self._front_ends.get(front_end_id)

    async def lock(self, front_end_id: FrontEndId) -> FrontEnd | None:
        return self._front_ends.get(front_end_id)

    async def save(self, front_end: FrontEnd) -> None:
        others = (each for each in self._front_ends.values() if each.id != front_end.id)
        taken = {each.origin for each in others if each.is_enabled}
        if front_end.is_enabled and front_end.origin in taken:
            raise ConflictError
        self._front_ends[front_end.id] = front_end

    async def list_all(self) -> Sequence[FrontEnd]:
        return oldest_first(self._front_ends)


def oldest_first(front_ends: dict[FrontEndId, FrontEnd]) -> Sequence[FrontEnd]:
    """Returns the front ends by the time of their registration."""
    return sorted(front_ends.values(), key=lambda each: (str(each.created_at), each.id))
