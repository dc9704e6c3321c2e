"""What came of the rounds of one kind, and how it is shown."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.faults.ledger import Act, Found, Told

_MOST_SHOWN: Final = 10
HEAD: Final = (
    "What happens",
    "Rounds",
    "Acknowledged",
    "Lost",
    "Revived",
    "Refused",
    "Longest request",
    "Back after (median)",
    "Back after (at most)",
)


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came of all rounds of one kind.

    Attributes:
        back_seconds: For each round, from the fault until a validation and a whole sign-in
            succeeded. A freeze counts from its end.
        in_use: Connections in use at rest.
    """

    kind: str
    told: Told
    found: Found
    in_use: float
    back_seconds: list[float] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """What broke a promise; empty if nothing did."""
        found = self.found
        return [
            *(f"lost: {each}" for each in found.lost),
            *(f"revived: {each}" for each in found.revived),
            *(f"refused: {each}" for each in found.refused),
            *(f"untold: {each}" for each in found.untold),
            *self.told.notes,
            *([f"{self.in_use} connections in use at rest"] if self.in_use else []),
        ]

    @property
    def revived(self) -> int:
        """How often a session that was signed out was accepted."""
        return len(self.found.revived) + self.told.broken[Act.REVIVED]

    @property
    def refused(self) -> int:
        """How often a session that stands wasn't accepted."""
        return len(self.found.refused) + self.told.broken[Act.REFUSED]


def row(outcome: Outcome) -> tuple[str, ...]:
    """The cells below ``HEAD``."""
    back = outcome.back_seconds
    return (
        outcome.kind,
        str(len(back)),
        f"{outcome.told.acknowledged:,}",
        str(len(outcome.found.lost)),
        str(outcome.revived),
        str(outcome.refused),
        f"{outcome.told.longest_seconds:.1f} s",
        *median_and_most(back),
    )


def median_and_most(seconds: Sequence[float]) -> tuple[str, str]:
    """Two cells."""
    ordered = sorted(seconds)
    return f"{ordered[len(ordered) // 2]:.1f} s", f"{ordered[-1]:.1f} s"


def summary(cells: Sequence[str], faults: Sequence[str]) -> str:
    """A row as soon as it is known, and below it the first faults."""
    lines = ["  ".join(cells), *(f"  {fault}" for fault in faults[:_MOST_SHOWN])]
    if len(faults) > _MOST_SHOWN:
        lines.append(f"  and {len(faults) - _MOST_SHOWN} more")
    return "\n".join(lines)
