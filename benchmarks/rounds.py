"""Several variants measured in turns, so that what disturbs one disturbs all."""

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
        """One figure of a variant."""
        return Spread(tuple(each[variant][figure] for each in self.rounds))

    def ratio(self, variant: str, to: str, figure: str) -> Spread:
        """One figure of a variant in terms of another's, round by round."""
        return Spread(tuple(each[variant][figure] / each[to][figure] for each in self.rounds))


def in_turns(
    variants: Sequence[str], rounds: int, measure: Measure, say: Callable[[str], None]
) -> Results:
    """Measure every variant once a round; each round begins with another one."""
    results = Results()
    for number in range(rounds):
        say(f"  round {number + 1} of {rounds}")
        first = number % len(variants)
        order = [*variants[first:], *variants[:first]]
        results.rounds.append({variant: measure(variant) for variant in order})
    return results
