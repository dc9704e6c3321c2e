"""Outages, in memory."""

from typing import final

from adapters.memory.store import MemoryTables
from application.ports.outages import Outages
from domain.outage import Outage


@final
class MemoryOutages(Outages):
    """Reads the draft of one unit of work."""

    def __init__(self, draft: MemoryTables) -> None:
        self._draft = draft

    async def newest(self) -> Outage | None:
        return max(self._draft.outages, key=lambda outage: outage.ended_at, default=None)
