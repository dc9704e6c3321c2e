"""Sign-ins: our own work on storage, and end to end with the simulated VA."""

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Iterator
from typing import Final

from benchmarks.bench import Bench
from benchmarks.browsers import sign_ins
from benchmarks.figures import Section, Spread, Table, percentile

_AT_ONCE: Final = (1, 8)
_MILLISECONDS: Final = 1000

_ON_STORAGE: Final = (
    "Without VA: consume the attempt, find or create the user, seal and store VA's tokens, store "
    "the session and the audit event, and issue the JWT. Every commit reaches the disk."
)
_ON_THE_WHOLE: Final = (
    "End to end: the start, the simulated VA's two pages, and the callback, which exchanges the "
    "code, verifies the ID token, asks for the Veteran's status, and stores the result. "
    "PostgreSQL, the simulated VA and the browsers share the other processor, which is saturated "
    "before the service's. The last column is what the service's processor could handle."
)


def measure(bench: Bench) -> Section:
    """Measures storage alone, then end to end."""
    database = bench.database("sign_in")
    tables = [_storage(bench, database), _end_to_end(bench, database)]
    return Section(
        tables=tables,
        notes=[_ON_STORAGE, _ON_THE_WHOLE],
    )


def storage_figures(bench: Bench, database: str, *, at_once: int, first: int) -> dict[str, float]:
    """Measures the work on storage once."""
    arguments = [str(each) for each in (at_once, first, bench.plan.sign_ins)]
    output = bench.command(database, sys.executable, "-m", "benchmarks.sign_in_work", *arguments)
    figures: dict[str, float] = json.loads(output)
    return figures


def _storage(bench: Bench, database: str) -> Table:
    plan = bench.plan
    numbers = itertools.count(step=plan.sign_ins)
    rows = []
    for at_once in _AT_ONCE:
        fresh: list[dict[str, float]] = []
        known: list[dict[str, float]] = []
        for number in range(plan.rounds):
            bench.say(f"  storage, {at_once} at once, round {number + 1} of {plan.rounds}")
            first = next(numbers)
            # In the second run, the users exist.
            for found in (fresh, known):
                found.append(storage_figures(bench, database, at_once=at_once, first=first))
        for who, found in (("first sign-in", fresh), ("returning", known)):
            rows.append((f"{who}, {at_once} at once", *_cells(found)))
    return Table(
        title="From callback to redirect, without VA",
        head=("", "Sign-ins per second", "Median, ms", "99th percentile, ms", "Processor, ms"),
        rows=rows,
    )


def _cells(found: list[dict[str, float]]) -> Iterator[str]:
    for figure, digits in (("rate", 0), ("p50", 2), ("p99", 2), ("cpu", 2)):
        yield Spread(tuple(each[figure] for each in found)).shown(digits)


def _end_to_end(bench: Bench, database: str) -> Table:
    plan = bench.plan
    rows = []
    veterans = itertools.count()
    with bench.product(database) as (service, sandbox):
        # The first sign-in fetches metadata and keys, so it doesn't count.
        asyncio.run(sign_ins(service, sandbox, veterans, at_once=1, seconds=0.1))
        for at_once in _AT_ONCE:
            found: list[dict[str, float]] = []
            for number in range(plan.rounds):
                bench.say(f"  end to end, {at_once} at once, round {number + 1} of {plan.rounds}")
                cpu, began = service.cpu_seconds, time.perf_counter()
                waits = asyncio.run(
                    sign_ins(service, sandbox, veterans, at_once=at_once, seconds=plan.seconds)
                )
                seconds = time.perf_counter() - began
                callbacks = [wait.callback for wait in waits]
                count = len(waits)
                cost = (service.cpu_seconds - cpu) / count
                found.append(
                    {
                        "rate": count / seconds,
                        "p50": percentile(callbacks, 0.50) * _MILLISECONDS,
                        "p99": percentile(callbacks, 0.99) * _MILLISECONDS,
                        "cpu": cost * _MILLISECONDS,
                    }
                )
            capacity = Spread(tuple(_MILLISECONDS / max(each["cpu"], 0.01) for each in found))
            rows.append((f"{at_once} at once", *_cells(found), capacity.shown()))
    return Table(
        title="End to end, with the simulated VA",
        head=(
            "",
            "Sign-ins per second",
            "Callback, median, ms",
            "Callback, 99th percentile, ms",
            "Service's processor per sign-in, ms",
            "Sign-ins per second and processor",
        ),
        rows=rows,
    )
