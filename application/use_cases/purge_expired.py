"""Use case: let go of what is past its retention."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, final

from application.ports.clock import Clock
from application.ports.purge import Purge
from application.ports.unit_of_work import UnitOfWorkFactory
from domain.audit_event import AuditEvent, AuditEventType
from domain.visitor import Visitor

#: Rows of one statement: few enough that live traffic never waits for them.
BATCH: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """How much was removed."""

    sessions: int
    sign_ins: int


@final
class PurgeExpired:
    """Removes batch after batch; safe beside live traffic and beside itself."""

    def __init__(
        self,
        *,
        purge: Purge,
        unit_of_work: UnitOfWorkFactory,
        clock: Clock,
        session_retention: timedelta,
    ) -> None:
        self._purge = purge
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._session_retention = session_retention

    async def execute(self) -> Purged:
        """Remove everything that is past its retention, and audit how much that was.

        Raises:
            UnavailableError: Storage did not answer; what was removed stays removed.
        """
        now = self._clock.now()
        sessions = sign_ins = 0
        oldest = now - self._session_retention
        while removed := await self._purge.sessions(ended_before=oldest, limit=BATCH):
            sessions += removed
        while removed := await self._purge.sign_ins(ended_before=now, limit=BATCH):
            sign_ins += removed
        if sessions or sign_ins:
            event = AuditEvent.of_service(
                AuditEventType.PURGED,
                visitor=Visitor(),
                now=now,
                sessions=sessions,
                sign_ins=sign_ins,
            )
            async with self._unit_of_work() as work:
                await work.audit.append(event)
                await work.commit()
        return Purged(sessions=sessions, sign_ins=sign_ins)
