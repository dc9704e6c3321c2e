"""Counting how long things took."""

from entrypoints.metrics.timings import Timings


def test_a_time_falls_into_the_first_bucket_that_is_not_too_small() -> None:
    timings = Timings((0.1, 1.0))
    for seconds in (0.05, 0.1, 0.2, 1.0, 1.5, 9.0):
        timings.add(seconds)
    assert timings.counts == [2, 2, 2]
    assert timings.seconds == sum((0.05, 0.1, 0.2, 1.0, 1.5, 9.0))


def test_two_together_count_what_each_counted_and_leave_both_alone() -> None:
    one, other = Timings((0.1,)), Timings((0.1,))
    one.add(0.05)
    other.add(0.05)
    other.add(2.0)
    both = one.plus(other)
    assert (both.counts, both.seconds) == ([2, 1], one.seconds + other.seconds)
    assert (one.counts, other.counts) == ([1, 0], [1, 1])
