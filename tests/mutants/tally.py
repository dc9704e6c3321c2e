"""Counts what became of the mutants, by package."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

#: What ends a test run that a mutant was in, other than a success.
NOTICED: Final = ("killed", "timeout")
_UNNOTICED: Final = ("survived", "no tests")


class UnfinishedError(Exception):
    """Some mutants have no verdict, or an odd one. The message names one."""


def tally(results: Iterable[str]) -> dict[str, Counter[str]]:
    """Returns how many mutants of each package met which end.

    Args:
        results: The lines of ``mutmut results --all true``.

    Raises:
        UnfinishedError: A mutant was neither noticed nor unnoticed.
    """
    counts: dict[str, Counter[str]] = {}
    for line in results:
        mutant, separator, end = line.strip().rpartition(": ")
        if not separator:
            continue
        if end not in {*NOTICED, *_UNNOTICED}:
            raise UnfinishedError(line.strip())
        counts.setdefault(_package(mutant), Counter())[end] += 1
    return dict(sorted(counts.items()))


def row(name: str, count: Counter[str]) -> Sequence[str]:
    """Returns the figures of a package, and the share that was noticed, rounded down."""
    ends = [count[end] for end in (*NOTICED, *_UNNOTICED)]
    return (name, *(f"{number:,}" for number in (count.total(), *ends)), f"{percent(count):.1f} %")


def percent(count: Counter[str]) -> float:
    """Returns the share that was noticed, in steps of 0.1, rounded down."""
    noticed = sum(count[end] for end in NOTICED)
    return noticed * 1000 // count.total() / 10


def _package(mutant: str) -> str:
    # A module, and the name that mutmut gave the function.
    *packages, _, _ = mutant.split(".")
    return "/".join(packages)
