"""Finds the front end that an operator's command changes."""

from datetime import datetime

from application.ports.unit_of_work import UnitOfWork
from application.refused_commands import refuse_unknown
from domain.errors import InvalidFrontEndError
from domain.front_end import SETTINGS_FRONT_END, FrontEnd, FrontEndId


async def front_end_to_change(
    work: UnitOfWork, command: str, front_end_id: FrontEndId, *, now: datetime, is_dry_run: bool
) -> FrontEnd:
    """Returns the front end, locked.

    Raises:
        NotFoundError: There is no such front end. The audit trail records the attempt.
        InvalidFrontEndError: The settings describe it.
        UnavailableError: The store did not answer.
    """
    if front_end_id == SETTINGS_FRONT_END:
        raise InvalidFrontEndError("the settings describe this front end: change them")
    front_end = await work.front_ends.lock(front_end_id)
    if front_end is None:
        await refuse_unknown(
            work, command, now=now, is_dry_run=is_dry_run, front_end=str(front_end_id)
        )
    return front_end
