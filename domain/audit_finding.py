"""Findings of a verification of the audit trail."""

from dataclasses import dataclass
from enum import StrEnum


class FindingKind(StrEnum):
    """What is wrong with the audit trail. Scripts read the values, so they are never reused."""

    ROW_ALTERED = "row_altered"
    ROW_REMOVED = "row_removed"
    ROW_INSERTED = "row_inserted"
    ROW_MOVED = "row_moved"
    LEAF_ALTERED = "leaf_altered"
    LEAF_REMOVED = "leaf_removed"
    LEAF_INSERTED = "leaf_inserted"
    BATCH_ALTERED = "batch_altered"
    BATCH_REMOVED = "batch_removed"
    BATCH_MISPLACED = "batch_misplaced"
    BATCH_FORGED = "batch_forged"
    CHAIN_BROKEN = "chain_broken"
    KEY_UNKNOWN = "key_unknown"
    TAIL_CUT = "tail_cut"
    HISTORY_REWRITTEN = "history_rewritten"
    CHECKPOINT_FORGED = "checkpoint_forged"
    DROP_FORGED = "drop_forged"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFinding:
    """One difference between the audit trail and what was sealed.

    Attributes:
        batch: Number of the batch, or None for a row that isn't in a batch.
        row: Number of the row, or None if the finding concerns no single row.
        detail: One sentence for the investigator. It never repeats the content of a row.
    """

    kind: FindingKind
    batch: int | None
    row: int | None = None
    detail: str

    def __str__(self) -> str:
        places = [
            f"{name} {number}"
            for name, number in (("batch", self.batch), ("row", self.row))
            if number is not None
        ]
        return f"{self.kind.value}: {', '.join(places)}: {self.detail}"
