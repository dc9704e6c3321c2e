"""Use case: an operator looks at how the service is doing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, final

from application.ports.clock import Clock
from application.ports.service_figures import ServiceFigures, SignInCount
from application.ports.vital_signs import Vitals, VitalSigns

#: The board shows this many hours of sign-ins, the current one included.
BOARD_HOURS: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """The state of the service at one instant.

    Attributes:
        now: When it was read (UTC).
        hours: When each hour that is shown began (UTC), oldest first.
        sign_ins: Without hours in which nobody signed in.
    """

    now: datetime
    hours: Sequence[datetime]
    sign_ins: Sequence[SignInCount]
    live_sessions: int
    vitals: Vitals


@final
class ShowBoard:
    """Reads numbers. Who looked at them is recorded by ``RecordLook``."""

    def __init__(self, *, figures: ServiceFigures, vital_signs: VitalSigns, clock: Clock) -> None:
        self._figures = figures
        self._vital_signs = vital_signs
        self._clock = clock

    async def execute(self) -> Board:
        """Returns the numbers of now.

        Raises:
            UnavailableError: The store did not answer.
        """
        now = self._clock.now()
        newest = now.replace(minute=0, second=0, microsecond=0)
        hours = [newest - timedelta(hours=back) for back in reversed(range(BOARD_HOURS))]
        return Board(
            now=now,
            hours=hours,
            sign_ins=await self._figures.sign_ins(since=hours[0]),
            live_sessions=await self._figures.live_sessions(now=now),
            vitals=await self._vital_signs.read(),
        )
