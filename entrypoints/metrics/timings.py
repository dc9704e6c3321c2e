"""Histograms of how long things took."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final, final

#: Upper bounds in seconds, for work of the process and its database.
OWN: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
#: Upper bounds in seconds, for calls to other services, up to their deadline.
OTHERS: Final = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@final
class Timings:
    """A histogram of plain numbers. Adding to it costs two additions and allocates nothing.

    Attributes:
        bounds: Upper bounds of the buckets in seconds, ascending. One more bucket has no bound.
        counts: The count of each bucket.
        seconds: The sum of all times.
    """

    __slots__ = ("bounds", "counts", "seconds")

    def __init__(self, bounds: Sequence[float] = OWN) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        """Adds one time."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.seconds += seconds

    def plus(self, other: "Timings") -> "Timings":
        """Returns the sum of two histograms, which must have the same bounds."""
        both = Timings(self.bounds)
        both.counts = [
            mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)
        ]
        both.seconds = self.seconds + other.seconds
        return both
