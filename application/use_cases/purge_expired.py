"""Use case: let go of what is past its retention."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, final

from application.ports.clock import Clock
from application.ports.purge import Purge
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
        clock: Clock,
        session_retention: timedelta,
    ) -> None:
        self._purge = purge
        self._clock = clock
        self._session_retention = session_retention

    async def execute(self) -> Purged:
        """Remove everything that is past its retention; each batch with its audit.

        Raises:
            UnavailableError: Storage did not answer; what was removed stays removed.
        """
        now = self._clock.now()
        sessions = sign_ins = 0
        oldest = now - self._session_retention

        def purged(**removed: int) -> AuditEvent:
            return AuditEvent.of_service(
                AuditEventType.PURGED, visitor=Visitor(), now=now, **removed
            )

        while removed := await self._purge.sessions(
            ended_before=oldest, limit=BATCH, note=lambda rows: purged(sessions=rows)
        ):
            sessions += removed
        while removed := await self._purge.sign_ins(
            ended_before=now, limit=BATCH, note=lambda rows: purged(sign_ins=rows)
        ):
            sign_ins += removed
        return Purged(sessions=sessions, sign_ins=sign_ins)
