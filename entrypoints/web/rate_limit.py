"""Limits how often requests of strangers may write to the database."""

from collections import OrderedDict
from datetime import datetime
from typing import Final, final

from application.ports.clock import Clock
from application.ports.refusal_limit import RefusalLimit

_SECONDS_A_MINUTE: Final = 60
_MAX_KEYS: Final = 10_000
# The limit for all clients, as a multiple of the limit for one. It bounds the table.
_EVERYBODY: Final = 20


@final
class RateLimit(RefusalLimit):
    """Token buckets, one a client address and one for all: each refills over a minute.

    Each process has its own buckets, so several processes allow more. They protect the size of a
    table, not a secret.
    """

    def __init__(self, *, per_minute: int, clock: Clock) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._buckets: OrderedDict[str | None, tuple[float, datetime]] = OrderedDict()

    def allows(self, address_hash: str | None) -> bool:
        """Take a token from both buckets. False if either is empty. A limit of 0 allows all."""
        if self._per_minute == 0:
            return True
        key = address_hash or "unknown"
        return self._take(key, self._per_minute) and self._take(None, self._per_minute * _EVERYBODY)

    def _take(self, key: str | None, per_minute: int) -> bool:
        now = self._clock.now()
        tokens, since = self._buckets.pop(key, (float(per_minute), now))
        refill = (now - since).total_seconds() * per_minute / _SECONDS_A_MINUTE
        tokens = min(float(per_minute), tokens + refill)
        allowed = tokens >= 1
        self._buckets[key] = (tokens - 1 if allowed else tokens, now)
        if len(self._buckets) > _MAX_KEYS:
            self._buckets.popitem(last=False)
        return allowed
