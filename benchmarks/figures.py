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
        """The median of the rounds."""
        return statistics.median(self.values)

    def shown(self, digits: int = 0, unit: str = "") -> str:
        """Returns the median as text, followed by the lowest and the highest round."""
        low, high = min(self.values), max(self.values)
        text = f"{self.median:,.{digits}f}{unit}"
        if len(self.values) == 1:
            return text
        return f"{text} ({low:,.{digits}f} to {high:,.{digits}f})"


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table with a title and a head."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Target:
    """A target and the measured figure."""

    aim: str
    figure: str
    is_met: bool


@dataclass(frozen=True, kw_only=True)
class Section:
    """The results of one suite.

    Attributes:
        plots: The title and the SVG document of each plot, by file name without suffix.
    """

    tables: Sequence[Table]
    targets: Sequence[Target] = ()
    notes: Sequence[str] = ()
    plots: dict[str, tuple[str, str]] = field(default_factory=dict)

    def all_tables(self) -> Sequence[Table]:
        """Returns all tables, including one of the targets if there are any."""
        if not self.targets:
            return self.tables
        rows = [
            (target.aim, target.figure, "met" if target.is_met else "**missed**")
            for target in self.targets
        ]
        targets = Table(title="Targets", head=("Target", "Measured", ""), rows=rows)
        return (*self.tables, targets)


def percentile(values: Sequence[float], share: float) -> float:
    """Returns the value that ``share`` (0 to 1) of all values don't exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
