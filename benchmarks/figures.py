"""Measured values, and tables of them."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Spread:
    """One figure, measured in several rounds."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The one in the middle."""
        return statistics.median(self.values)

    def shown(self, digits: int = 0, unit: str = "") -> str:
        """The median, with the lowest and the highest round behind it."""
        low, high = min(self.values), max(self.values)
        text = f"{self.median:,.{digits}f}{unit}"
        if len(self.values) == 1:
            return text
        return f"{text} ({low:,.{digits}f} to {high:,.{digits}f})"


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows under a head."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Target:
    """What was to be reached, and what was."""

    aim: str
    figure: str
    is_met: bool


@dataclass(frozen=True, kw_only=True)
class Section:
    """What one suite found out.

    Attributes:
        plots: What each shows, and the SVG document, by its file's name.
    """

    tables: Sequence[Table]
    targets: Sequence[Target] = ()
    notes: Sequence[str] = ()
    plots: dict[str, tuple[str, str]] = field(default_factory=dict)

    def all_tables(self) -> Sequence[Table]:
        """The targets are a table too."""
        if not self.targets:
            return self.tables
        rows = [
            (target.aim, target.figure, "met" if target.is_met else "**missed**")
            for target in self.targets
        ]
        targets = Table(title="Targets", head=("Target", "Measured", ""), rows=rows)
        return (*self.tables, targets)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` (0 to 1) of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
