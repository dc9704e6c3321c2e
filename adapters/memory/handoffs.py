"""Hand-over codes, in memory."""

from datetime import datetime
from typing import final

from adapters.memory.store import MemoryTables
from application.ports.handoffs import Handoffs
from domain.handoff import Handoff, HandoffHolder


@final
class MemoryHandoffs(Handoffs):
    """Reads and writes the draft of one unit of work."""

    def __init__(self, draft: MemoryTables) -> None:
        self._handoffs = draft.handoffs

    async def add(self, handoff: Handoff) -> None:
        self._handoffs[handoff.code_hash] = handoff

    async def take(
        self, *, code_hash: bytes, holder: HandoffHolder, now: datetime
    ) -> Handoff | None:
        handoff = self._handoffs.get(code_hash)
        if handoff is None or handoff.holder != holder or now >= handoff.expires_at:
            return None
        return self._handoffs.pop(code_hash)
