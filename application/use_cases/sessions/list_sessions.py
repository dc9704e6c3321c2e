"""Use case: list a user's sessions."""

from typing import final

from application.ports.clock import Clock
from application.ports.unit_of_work import UnitOfWorkFactory
from domain.identifiers import UserId
from domain.session import Session


@final
class ListSessions:
    """Lists the sessions that stand."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def execute(self, user_id: UserId) -> list[Session]:
        """Returns the user's sessions, newest sign-in first.

        Raises:
            UnavailableError: The store did not answer.
        """
        async with self._unit_of_work() as work:
            return await work.sessions.list_active(user_id, now=self._clock.now())
