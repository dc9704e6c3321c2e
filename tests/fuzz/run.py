"""Feeds inputs to a target, and counts what came of them."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Final

from tests.fuzz.targets import Target

#: Thousands of times what an input takes, so that only a hang takes as long.
LIMIT_SECONDS: Final = 5.0
#: After so many a target is left: they take long, and one is enough to look into.
MOST_HANGS: Final = 3


class HangError(BaseException):
    """An input took too long. No reader catches it."""


@dataclass(slots=True, kw_only=True)
class Count:
    """What came of the inputs of one target.

    Attributes:
        accepted: How many were read, and not refused.
        crashes: The numbers of those that raised anything but a documented error, with the error.
        hangs: The numbers of those that took longer than the limit.
    """

    target: str
    inputs: int = 0
    accepted: int = 0
    crashes: dict[int, str] = field(default_factory=dict)
    hangs: list[int] = field(default_factory=list)


def run(
    target: Target, *, seed: int, start: int, inputs: int, limit_seconds: float = LIMIT_SECONDS
) -> Count:
    """Feed the inputs from number ``start`` on.

    Seed and number decide the edits. Keys are new in each run.
    """
    count = Count(target=target.name)
    with _watchdog():
        for number in range(start, start + inputs):
            made = target.make(Random(f"{seed} {target.name} {number}"))
            if len(count.hangs) == MOST_HANGS:
                break
            count.inputs += 1
            try:
                signal.setitimer(signal.ITIMER_REAL, limit_seconds)
                try:
                    target.feed(made)
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
            except target.refusals:
                pass
            except HangError:
                count.hangs.append(number)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is a crash
                count.crashes[number] = repr(error)
            else:
                count.accepted += 1
    return count


@contextmanager
def _watchdog() -> Iterator[None]:
    def bark(*_: object) -> None:
        raise HangError

    before = signal.signal(signal.SIGALRM, bark)
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, before)
