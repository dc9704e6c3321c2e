"""Use case: drop months of the audit trail that have been exported."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import final

from application.ports.audit_partitions import MonthStanding
from application.ports.clock import Clock
from application.ports.seal_keys import SealKeys
from application.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.audit_event import AuditEvent, AuditEventType
from domain.audit_retention import BatchesExported, DroppedMonth, month_bounds
from domain.visitor import Visitor


class MonthVerdict(StrEnum):
    """What happens to a month that is past its retention."""

    DROPPED = "dropped"
    NOT_SEALED = "kept, as it is not sealed yet"
    NOT_EXPORTED = "kept, as it was not exported yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetireAuditCommand:
    """Whether to drop months, or only to report what would be dropped."""

    is_dry_run: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthRetired:
    """A month that is past its retention, and what happened to it."""

    month: str
    rows: int
    verdict: MonthVerdict


@final
class RetireAudit:
    """Drops whole months, each in one transaction with its audit event. Only the owner can."""

    def __init__(
        self,
        *,
        unit_of_work: UnitOfWorkFactory,
        keys: SealKeys,
        clock: Clock,
        retention_months: int | None,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._keys = keys
        self._clock = clock
        self._retention_months = retention_months

    async def execute(self, command: RetireAuditCommand) -> Sequence[MonthRetired]:
        """Drops each month past its retention that is completely sealed and exported.

        Returns all months past their retention. If no retention is set, there are none.

        Raises:
            ForbiddenError: The database role isn't the owner of the tables.
            UnavailableError: The store did not answer. Months already dropped stay dropped.
        """
        now = self._clock.now()
        async with self._unit_of_work() as work:
            months = await work.audit_partitions.months()
            exports = self._authentic(await work.audit_partitions.exports())
        retired = []
        for month in months:
            if not self._is_past(month, now):
                continue
            async with self._unit_of_work() as work:
                if not command.is_dry_run:
                    await work.audit_partitions.hold(month)
                standing = await work.audit_partitions.standing(month, exports)
                verdict = _verdict(standing)
                if verdict is MonthVerdict.DROPPED and not command.is_dry_run:
                    await self._drop(work, month, standing, now)
                    await work.commit()
            retired.append(MonthRetired(month=month, rows=standing.rows, verdict=verdict))
        return retired

    def _authentic(self, exports: Sequence[BatchesExported]) -> Sequence[BatchesExported]:
        # The service's database role could insert made-up records, but it doesn't have the key.
        return [
            each
            for each in exports
            if self._keys.is_authentic(each.message, each.mac, key_id=each.key_id)
        ]

    def _is_past(self, month: str, now: datetime) -> bool:
        if self._retention_months is None:
            return False
        begin, _ = month_bounds(month)
        age = (now.year - begin.year) * 12 + now.month - begin.month
        return age > self._retention_months

    async def _drop(
        self, work: UnitOfWork, month: str, standing: MonthStanding, now: datetime
    ) -> None:
        dropped = DroppedMonth(
            month=month,
            last_batch=standing.last_batch,
            rows=standing.rows,
            dropped_at=now,
            key_id=self._keys.key_id,
        )
        mac = self._keys.authenticate(dropped.message)
        await work.audit_partitions.drop(replace(dropped, mac=mac))
        event = AuditEvent.of_service(
            AuditEventType.AUDIT_DROPPED,
            visitor=Visitor(),
            now=now,
            month=month,
            rows=standing.rows,
            last_batch=standing.last_batch,
        )
        await work.audit.append(event)


def _verdict(standing: MonthStanding) -> MonthVerdict:
    if standing.unsealed:
        return MonthVerdict.NOT_SEALED
    if standing.unexported:
        return MonthVerdict.NOT_EXPORTED
    return MonthVerdict.DROPPED
