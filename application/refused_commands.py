"""Refuses operators' commands, and records that in the audit trail."""

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
    """Records that a command named something that doesn't exist. A dry run records nothing.

    Raises:
        NotFoundError: Always, after the record is committed.
        UnavailableError: The store did not answer.
    """
    event = AuditEvent.command_refused(
        command, reason=NotFoundError.code, now=now, user_id=user_id, **named
    )
    await work.audit.append(event)
    if not is_dry_run:
        await work.commit()
    raise NotFoundError
