"""Measures several variants in turns, so that a disturbance affects all of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.figures import Spread

#: Measures one variant once.
Measure = Callable[[str], Mapping[str, float]]


@dataclass(frozen=True)
class Results:
    """The figures of each variant, round by round."""

    rounds: list[dict[str, Mapping[str, float]]] = field(default_factory=list)

    def spread(self, variant: str, figure: str) -> Spread:
        """Returns one figure of a variant in all rounds."""
        return Spread(tuple(each[variant][figure] for each in self.rounds))

    def ratio(self, variant: str, to: str, figure: str) -> Spread:
        """Returns one figure of a variant relative to another variant's, for each round."""
        return Spread(tuple(each[variant][figure] / each[to][figure] for each in self.rounds))


def in_turns(
    variants: Sequence[str], rounds: int, measure: Measure, say: Callable[[str], None]
) -> Results:
    """Measures every variant once per round. Each round starts with a different variant."""
    results = Results()
    for number in range(rounds):
        say(f"  round {number + 1} of {rounds}")
        first = number % len(variants)
        order = [*variants[first:], *variants[:first]]
        results.rounds.append({variant: measure(variant) for variant in order})
    return results
