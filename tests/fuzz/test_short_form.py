"""A few hundred mutated inputs for each reader; `make fuzz` feeds a million."""

from random import Random

import pytest

from tests.fuzz.run import run
from tests.fuzz.targets import TARGETS, Target

_INPUTS = 300


@pytest.mark.case(61)
@pytest.mark.parametrize("target", TARGETS, ids=lambda each: each.name)
def test_whatever_is_read_is_accepted_or_refused_as_documented(target: Target) -> None:
    count = run(target, seed=0, start=0, inputs=_INPUTS)

    assert (count.inputs, count.crashes, count.hangs) == (_INPUTS, {}, [])
    # Not so odd that everything is turned away at the door.
    assert 0 < count.accepted < _INPUTS


def a_target(number: str) -> Target:
    """Refuses, crashes or hangs by the input's number."""

    def feed(made: str) -> None:
        if made == "crash":
            raise KeyError(made)
        while made == "hang":
            pass
        raise ValueError

    return Target(name="bad", make=lambda _: number, feed=feed, refusals=(ValueError,))


def test_a_crash_and_a_hang_are_counted() -> None:
    found = [
        run(a_target(each), seed=0, start=7, inputs=1, limit_seconds=0.01)
        for each in ("refuse", "crash", "hang")
    ]
    assert [(list(each.crashes), each.hangs) for each in found] == [([], []), ([7], []), ([], [7])]


@pytest.mark.parametrize("target", TARGETS, ids=lambda each: each.name)
def test_the_same_seed_makes_the_same_input(target: Target) -> None:
    assert target.make(Random(1)) == target.make(Random(1))
