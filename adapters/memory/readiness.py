"""The in-memory store is always fit."""

from typing import final

from application.ports.readiness import Readiness, ReadinessCheck


@final
class MemoryReadiness(Readiness):
    """Has nothing that could be missing."""

    async def failing(self) -> frozenset[ReadinessCheck]:
        return frozenset()
