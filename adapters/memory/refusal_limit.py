"""A limit on recorded refusals, in memory."""

from collections import Counter
from typing import final

from application.ports.refusal_limit import RefusalLimit


@final
class MemoryRefusalLimit(RefusalLimit):
    """Allows a fixed number of refusals for each address, and never forgets one."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._refusals: Counter[str | None] = Counter()

    def allows(self, address_hash: str | None) -> bool:
        self._refusals[address_hash] += 1
        return self._refusals[address_hash] <= self._limit
