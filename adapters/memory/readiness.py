"""The readiness of the in-memory store."""

from typing import final

from application.ports.readiness import Readiness, ReadinessCheck


@final
class MemoryReadiness(Readiness):
    """Is always ready."""

    async def failing(self) -> frozenset[ReadinessCheck]:
        return frozenset()
