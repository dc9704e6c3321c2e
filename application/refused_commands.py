"""An operator's command that is refused leaves its trace all the same."""

from datetime import datetime
from typing import NoReturn

from application.errors import NotFoundError
from application.ports.unit_of_work import UnitOfWork
from domain.audit_event import AuditEvent
from domain.identifiers import UserId


async def refuse_unknown(
    work: UnitOfWork,
    command: str,
    *,
    now: datetime,
    user_id: UserId | None = None,
    is_dry_run: bool = False,
    **named: str,
) -> NoReturn:
    """Note that a command named what there is not; a dry run leaves no note either.

    Raises:
        NotFoundError: Always, and not before the note stands.
        UnavailableError: Storage did not answer.
    """
    event = AuditEvent.command_refused(
        command, reason=NotFoundError.code, now=now, user_id=user_id, **named
    )
    await work.audit.append(event)
    if not is_dry_run:
        await work.commit()
    raise NotFoundError
