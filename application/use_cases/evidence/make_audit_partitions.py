"""Use case: have room in the audit trail before it is needed."""

from typing import final

from application.ports.unit_of_work import UnitOfWorkFactory


@final
class MakeAuditPartitions:
    """Makes what is missing of this month and the next three; any number of times."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    async def execute(self) -> int:
        """For how many months there was no room.

        Raises:
            UnavailableError: The store did not answer, or was too busy for it; try again later.
        """
        async with self._unit_of_work() as work:
            made = await work.audit_partitions.make_ahead()
            await work.commit()
        return made
