"""The months of the audit trail, in memory."""

from collections.abc import Sequence
from typing import final

from adapters.memory.audit_seals import month_of
from adapters.memory.store import MemoryTables
from application.ports.audit_partitions import AuditPartitions, MonthStanding
from domain.audit_retention import BatchesExported, DroppedMonth


@final
class MemoryAuditPartitions(AuditPartitions):
    """Reads and writes the draft of one unit of work.

    Events of every month can be stored, and every caller may drop months.
    """

    def __init__(self, draft: MemoryTables) -> None:
        self._draft = draft

    async def make_ahead(self) -> int:
        return 0

    async def months(self) -> Sequence[str]:
        return sorted({month_of(self._draft.audit[number - 1]) for number in self._numbers()})

    async def hold(self, month: str) -> None:
        # In-memory units of work already run one at a time.
        pass

    async def standing(self, month: str, exports: Sequence[BatchesExported]) -> MonthStanding:
        leaves = self._draft.audit_leaves.values()
        sealed = {leaf.place.row for batch in leaves for leaf in batch}
        numbers = [
            number for number in self._numbers() if month_of(self._draft.audit[number - 1]) == month
        ]
        batches = self._batches(month)
        return MonthStanding(
            rows=len(numbers),
            unsealed=sum(number not in sealed for number in numbers),
            unexported=sum(not _is_exported(number, exports) for number in batches),
            last_batch=max(batches, default=0),
        )

    async def note_export(self, exported: BatchesExported) -> None:
        self._draft.audit_exports.append(exported)

    async def exports(self) -> Sequence[BatchesExported]:
        return list(self._draft.audit_exports)

    async def drop(self, dropped: DroppedMonth) -> None:
        for number in list(self._numbers()):
            if month_of(self._draft.audit[number - 1]) == dropped.month:
                self._draft.audit_gone.add(number)
        for number in self._batches(dropped.month):
            self._draft.audit_leaves.pop(number, None)
        self._draft.audit_drops[dropped.month] = dropped

    def _numbers(self) -> Sequence[int]:
        numbers = range(1, len(self._draft.audit) + 1)
        return [number for number in numbers if number not in self._draft.audit_gone]

    def _batches(self, month: str) -> list[int]:
        batches = self._draft.audit_batches.values()
        return [batch.header.number for batch in batches if batch.header.month == month]


def _is_exported(number: int, exports: Sequence[BatchesExported]) -> bool:
    return any(each.first_batch <= number <= each.last_batch for each in exports)
