"""An operator's command that is refused leaves its trace all the same."""

from datetime import datetime
from typing import NoReturn

from application.errors import NotFoundError
from application.ports.unit_of_work import UnitOfWork
from domain.audit_event import AuditEvent
from domain.identifiers import UserId
from domain.service_client import ClientId


async def refuse_unknown_user(
    work: UnitOfWork, user_id: UserId, command: str, *, now: datetime, is_dry_run: bool
) -> NoReturn:
    """Note that a command named nobody; a dry run leaves no note either.

    Raises:
        NotFoundError: Always, and not before the note stands.
        UnavailableError: Storage did not answer.
    """
    reason = NotFoundError.code
    await work.audit.append(
        AuditEvent.command_refused(command, reason=reason, now=now, user_id=user_id)
    )
    if not is_dry_run:
        await work.commit()
    raise NotFoundError


async def refuse_unknown_client(
    work: UnitOfWork, client_id: ClientId, command: str, *, now: datetime
) -> NoReturn:
    """Note that a command named no client.

    Raises:
        NotFoundError: Always, and not before the note stands.
        UnavailableError: Storage did not answer.
    """
    reason = NotFoundError.code
    await work.audit.append(
        AuditEvent.command_refused(command, reason=reason, now=now, client=str(client_id))
    )
    await work.commit()
    raise NotFoundError
