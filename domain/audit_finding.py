"""What a verification of the audit trail finds."""

from dataclasses import dataclass
from enum import StrEnum


class FindingKind(StrEnum):
    """What was done to the trail. Scripts read the names: they are never reused."""

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
    """One thing that is not as it was sealed.

    Attributes:
        batch: Number of the batch it is about; None for a row that is in none.
        row: Number of the row, where it is about one.
        detail: One sentence for whoever looks into it; no content of a row.
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
