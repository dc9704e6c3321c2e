"""Use case: list the registered clients."""

from collections.abc import Sequence
from typing import final

from application.ports.unit_of_work import UnitOfWorkFactory
from domain.service_client import ServiceClient


@final
class ListClients:
    """Lists all clients, including disabled ones."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    async def execute(self) -> Sequence[ServiceClient]:
        """Returns the clients, oldest first.

        Raises:
            UnavailableError: The store did not answer.
        """
        async with self._unit_of_work() as work:
            return await work.service_clients.list_all()
