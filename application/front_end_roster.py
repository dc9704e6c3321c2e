"""All front ends, as this process last read them."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final, final

from application.errors import UnavailableError
from application.front_end_rules import FrontEndRules
from application.ports.clock import Clock
from application.ports.front_end_directory import FrontEndDirectory
from domain.errors import UnknownFrontEndError
from domain.front_end import FrontEnd, FrontEndId
from domain.session_limits import SessionLimits

#: How often the store is asked about origins that aren't known, at most. So a flood of foreign
#: origins costs one small read each time.
RECHECK_INTERVAL: Final = timedelta(seconds=1)


@final
class FrontEndRoster:
    """Answers from memory, for each request. `find` asks the store, for sign-ins.

    Args:
        settings: The front end that the settings describe. It is always known.
        rules: Which front ends are served.
        limits: The service's limits.
        directory: The registered front ends.
        clock: Counts the time between two reads.
    """

    def __init__(
        self,
        *,
        settings: FrontEnd,
        rules: FrontEndRules,
        limits: SessionLimits,
        directory: FrontEndDirectory,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._rules = rules
        self._limits = limits
        self._directory = directory
        self._clock = clock
        self._read_at: datetime | None = None
        self._reading = asyncio.Lock()
        self._take([])

    @property
    def settings(self) -> FrontEnd:
        """The front end that the settings describe."""
        return self._settings

    def with_id(self, front_end_id: FrontEndId) -> FrontEnd | None:
        """The front end, if it is known and Veterans can sign in from it."""
        front_end = self._by_id.get(front_end_id)
        return front_end if front_end is not None and self._rules.is_served(front_end) else None

    def with_origin(self, origin: str) -> FrontEnd | None:
        """The front end whose pages have this origin, in the form of ``origin_of``.

        The service's own pages are those of the settings' front end.
        """
        return self._by_origin.get(origin)

    def limits_of(self, front_end_id: FrontEndId) -> SessionLimits:
        """The limits of the front end's sessions. The service's own, if it isn't known here."""
        front_end = self._by_id.get(front_end_id)
        return self._limits if front_end is None else front_end.limits(self._limits)

    async def known(self, front_end_id: FrontEndId) -> FrontEnd | None:
        """The same as ``with_id``, after one look at the store for a front end that is new."""
        if front_end_id not in self._by_id:
            await self.recheck()
        return self.with_id(front_end_id)

    async def names(self, front_end_ids: Collection[FrontEndId]) -> Mapping[FrontEndId, str]:
        """Returns the names of these front ends, as far as they are known."""
        if any(each not in self._by_id for each in front_end_ids):
            await self.recheck()
        known = ((each, self._by_id.get(each)) for each in front_end_ids)
        return {each: front_end.name for each, front_end in known if front_end is not None}

    async def find(self, front_end_id: FrontEndId) -> FrontEnd:
        """Returns the front end as it is stored now.

        Raises:
            UnknownFrontEndError: There is no such front end, or it is disabled.
            UnavailableError: The store did not answer.
        """
        if front_end_id == self._settings.id:
            return self._settings
        front_end = await self._directory.find(front_end_id)
        if front_end is None:
            raise UnknownFrontEndError
        if self._by_id.get(front_end_id) != front_end:
            others = [each for each in self._registered if each.id != front_end_id]
            self._take([*others, front_end])
        if not self._rules.is_served(front_end):
            raise UnknownFrontEndError
        return front_end

    async def refresh(self) -> int:
        """Reads all front ends, and returns how many are registered.

        Raises:
            UnavailableError: The store did not answer. What was read before still counts.
        """
        self._take(await self._directory.list_all())
        return len(self._registered)

    async def recheck(self) -> None:
        """Reads them again, unless that was done a moment ago or the store doesn't answer."""
        asked_at = self._clock.now()
        async with self._reading:
            if self._read_at is not None and asked_at < self._read_at + RECHECK_INTERVAL:
                return
            self._read_at = self._clock.now()
            with suppress(UnavailableError):
                await self.refresh()

    def _take(self, registered: Sequence[FrontEnd]) -> None:
        self._registered = registered
        self._by_id = {each.id: each for each in [*registered, self._settings]}
        self._by_origin = {each.origin: each for each in registered if self._rules.is_served(each)}
        self._by_origin |= dict.fromkeys(self._rules.taken_origins, self._settings)
