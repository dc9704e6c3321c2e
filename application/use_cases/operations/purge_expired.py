"""Use case: purge rows that are past their retention."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, final

from application.ports.clock import Clock
from application.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.audit_event import AuditEvent, AuditEventType
from domain.handoff import Handoff
from domain.revocation import Revocation, RevokedBy
from domain.visitor import Visitor

#: Maximum number of rows in one transaction, so that live traffic doesn't wait for it.
BATCH: Final = 500
#: The same for hand-over codes. Each costs more, because its session is ended.
CODES_BATCH: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """How many rows were removed, or would be."""

    sessions: int
    sign_ins: int


@final
class PurgeExpired:
    """Removes expired rows in batches. It can run beside live traffic and beside itself.

    A hand-over code that expired was never redeemed, so nobody has its session. That ends as well.
    """

    def __init__(
        self, *, unit_of_work: UnitOfWorkFactory, clock: Clock, session_retention: timedelta
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._session_retention = session_retention

    async def count(self) -> Purged:
        """Returns how many rows are past their retention.

        Raises:
            UnavailableError: The store did not answer.
        """
        now = self._clock.now()
        async with self._unit_of_work() as work:
            return Purged(
                sessions=await work.purge.count_sessions(
                    ended_before=now - self._session_retention
                ),
                sign_ins=await work.purge.count_sign_ins(ended_before=now),
            )

    async def execute(self) -> Purged:
        """Removes all rows that are past their retention. Each batch is audited.

        Raises:
            UnavailableError: The store did not answer. Finished batches stay removed.
        """
        now = self._clock.now()
        sessions = sign_ins = 0
        while (batch := await self._remove_batch(now)) is not None:
            sessions += batch.sessions
            sign_ins += batch.sign_ins
        return Purged(sessions=sessions, sign_ins=sign_ins)

    async def _remove_batch(self, now: datetime) -> Purged | None:
        """Removes one batch in one transaction. Returns None if there was nothing to remove."""
        async with self._unit_of_work() as work:
            sessions = await work.purge.sessions(
                ended_before=now - self._session_retention, limit=BATCH
            )
            sign_ins = await work.purge.sign_ins(ended_before=now, limit=BATCH - sessions)
            codes = await work.handoffs.take_expired(before=now, limit=CODES_BATCH)
            sign_ins += len(codes)
            for code in codes:
                await self._end_session(work, code)
            if not sessions + sign_ins:
                return None
            event = AuditEvent.of_service(
                AuditEventType.PURGED,
                visitor=Visitor(),
                now=self._clock.now(),
                sessions=sessions,
                sign_ins=sign_ins,
            )
            await work.audit.append(event)
            await work.commit()
        return Purged(sessions=sessions, sign_ins=sign_ins)

    async def _end_session(self, work: UnitOfWork, code: Handoff) -> None:
        now = self._clock.now()
        revocation = Revocation(at=now, by=RevokedBy.LIMIT, reason="code_not_redeemed")
        if await work.sessions.revoke(code.user_id, code.session_id, revocation):
            event = AuditEvent.of_session(
                AuditEventType.SESSION_ENDED,
                code.user_id,
                code.session_id,
                visitor=Visitor(),
                now=now,
                reason=revocation.reason,
            )
            await work.audit.append(event)
