"""Use case: show a user where they are signed in."""

from typing import final

from application.ports.clock import Clock
from application.ports.unit_of_work import UnitOfWorkFactory
from domain.identifiers import UserId
from domain.session import Session


@final
class ListSessions:
    """Reads the sessions that still stand."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def execute(self, user_id: UserId) -> list[Session]:
        """The user's live sessions, newest sign-in first.

        Raises:
            UnavailableError: Storage did not answer.
        """
        async with self._unit_of_work() as work:
            return await work.sessions.list_active(user_id, now=self._clock.now())
