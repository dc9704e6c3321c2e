"""A cache of unwrapped data keys."""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final, final

from application.ports.clock import Clock
from application.ports.key_wrapper import KeyWrapper
from domain.data_key import DataKey, WrappedDataKey

_FOR: Final = timedelta(minutes=5)
_AT_MOST: Final = 10_000


@final
class RememberingKeyWrapper(KeyWrapper):
    """Caches unwrapped keys, so that the inner wrapper isn't called for each use of a key.

    Args:
        wrapper: The wrapper whose results are cached.
        clock: Decides when an entry expires.
        remember_for: How long an entry lasts.
        at_most: The maximum number of entries.
    """

    def __init__(
        self,
        wrapper: KeyWrapper,
        *,
        clock: Clock,
        remember_for: timedelta = _FOR,
        at_most: int = _AT_MOST,
    ) -> None:
        self._wrapper = wrapper
        self._clock = clock
        self._remember_for = remember_for
        self._at_most = at_most
        self._known: OrderedDict[WrappedDataKey, tuple[DataKey, datetime]] = OrderedDict()

    @property
    def newest_key_id(self) -> str:
        return self._wrapper.newest_key_id

    async def wrap(self, key: DataKey) -> WrappedDataKey:
        wrapped = await self._wrapper.wrap(key)
        self._remember(wrapped, key)
        return wrapped

    async def unwrap(self, wrapped: WrappedDataKey) -> DataKey:
        known = self._known.get(wrapped)
        if known is not None and self._clock.now() < known[1]:
            return known[0]
        key = await self._wrapper.unwrap(wrapped)
        self._remember(wrapped, key)
        return key

    def _remember(self, wrapped: WrappedDataKey, key: DataKey) -> None:
        now = self._clock.now()
        self._known.pop(wrapped, None)
        self._known[wrapped] = (key, now + self._remember_for)
        # Entries are ordered by age. Drop the expired ones, and the oldest above the limit.
        while self._known and (
            len(self._known) > self._at_most or next(iter(self._known.values()))[1] <= now
        ):
            self._known.popitem(last=False)
