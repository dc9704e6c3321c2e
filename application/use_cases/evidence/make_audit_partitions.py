"""Use case: create the audit trail's partitions before they are needed."""

from typing import final

from application.ports.unit_of_work import UnitOfWorkFactory


@final
class MakeAuditPartitions:
    """Creates the missing partitions of this month and the next three. It can run repeatedly."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    async def execute(self) -> int:
        """Returns the number of partitions that were created.

        Raises:
            UnavailableError: The store did not answer, or was too busy. Try again later.
        """
        async with self._unit_of_work() as work:
            made = await work.audit_partitions.make_ahead()
            await work.commit()
        return made
