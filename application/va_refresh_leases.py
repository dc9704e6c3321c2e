"""Takes the lease to refresh a user's VA tokens, or waits while another process refreshes."""

from datetime import timedelta
from typing import Final, final

from application.ports.clock import Clock
from application.ports.unit_of_work import UnitOfWorkFactory
from domain.identifiers import UserId
from domain.va_token_refresh import LEASE, PATIENCE, RefreshLease, TokenGeneration

_FIRST_PAUSE: Final = timedelta(milliseconds=20)
_LONGEST_PAUSE: Final = timedelta(milliseconds=250)


@final
class VARefreshLeases:
    """One process refreshes a generation of tokens. The others poll the row until it is done."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def take(self, user_id: UserId, generation: TokenGeneration) -> RefreshLease | None:
        """Returns the lease, or None if there is nothing to refresh anymore, or time ran out.

        Raises:
            UnavailableError: Storage did not answer.
        """
        # Sums the pauses instead of comparing instants: the clock may be set back.
        waited, pause = timedelta(), _FIRST_PAUSE
        while True:
            async with self._unit_of_work() as work:
                lease = await work.va_token_refreshes.take(
                    user_id, generation, now=self._clock.now(), lasts=LEASE
                )
                if lease is not None:
                    await work.commit()
                    return lease
                kept = await work.va_token_refreshes.find(user_id)
            is_under_way = (
                kept is not None
                and kept.state.generation == generation
                and kept.state.lease_until is not None
            )
            if not is_under_way or waited >= PATIENCE:
                return None
            await self._clock.sleep(pause)
            waited += pause
            pause = min(2 * pause, _LONGEST_PAUSE)
