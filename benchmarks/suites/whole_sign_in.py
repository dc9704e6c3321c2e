"""Whole sign-ins, from the start to the last redirect, beside the original design."""

import asyncio
import itertools
import time
from functools import partial
from typing import Final

from benchmarks.bench import Bench
from benchmarks.browsers import sign_in_each, sign_ins
from benchmarks.figures import Section, Table, Target, percentile
from benchmarks.rounds import Results, in_turns

LITERAL: Final = "the original design"
OURS: Final = "ours"
_VARIANTS: Final = (LITERAL, OURS)
_AT_ONCE: Final = (1, 8)
_MILLISECONDS: Final = 1000
_MOST: Final = 0.9
_FIRST: Final = "first sign-in"
_RETURNING: Final = "returning"
_NOTE: Final = (
    "The processor is the service's alone. The waits are for the start and the callback together, "
    "without the simulated VA's pages. After an outage, most Veterans are returning ones. The "
    "original design makes two calls to VA, and ours three. It uses no cookie, checks no answer of "
    "VA, seals no audit row, and keeps its connections to VA."
)

#: Who signs in, and how many at once.
_Case = tuple[str, int]
_CASES: Final = tuple(itertools.product((_FIRST, _RETURNING), _AT_ONCE))


def measure(bench: Bench) -> Section:
    """Measures both in turns, in each case."""
    ours, literal = bench.database("whole_sign_in"), bench.empty_database("literal")
    known = range(bench.plan.sign_ins)
    veterans = {_RETURNING: itertools.cycle(known), _FIRST: itertools.count(bench.plan.sign_ins)}
    with (
        bench.product(ours) as our_product,
        bench.product(literal, is_literal=True) as literal_product,
    ):
        products = {OURS: our_product, LITERAL: literal_product}
        # The first sign-ins fetch metadata and keys, open connections, and prepare statements.
        for service, sandbox in products.values():
            asyncio.run(sign_in_each(service, sandbox, iter(known)))

        def figures(variant: str, case: _Case, seconds: float) -> dict[str, float]:
            service, sandbox = products[variant]
            who, at_once = case
            cpu, began = service.cpu_seconds, time.perf_counter()
            waits = asyncio.run(
                sign_ins(service, sandbox, veterans[who], at_once=at_once, seconds=seconds)
            )
            passed, used = time.perf_counter() - began, service.cpu_seconds - cpu
            took = [each.start + each.callback for each in waits]
            return {
                "cpu": used / len(waits) * _MILLISECONDS,
                "rate": len(waits) / passed,
                "p50": percentile(took, 0.50) * _MILLISECONDS,
                "p99": percentile(took, 0.99) * _MILLISECONDS,
            }

        results: dict[_Case, Results] = {}
        for case in _CASES:
            bench.say(f"  {_shown(case)}")
            for variant in _VARIANTS:
                figures(variant, case, bench.plan.warm_up_seconds)
            results[case] = in_turns(
                _VARIANTS,
                bench.plan.rounds,
                partial(figures, case=case, seconds=bench.plan.seconds),
                bench.say,
            )
    return Section(
        tables=[_table(results)],
        targets=[_target(each, case) for case, each in results.items()],
        notes=[_NOTE],
    )


def _shown(case: _Case) -> str:
    who, at_once = case
    return f"{who}, {at_once} at once"


def _table(results: dict[_Case, Results]) -> Table:
    return Table(
        title="Whole sign-ins, in turns with the original design",
        head=(
            "",
            "Service's processor per sign-in, ms",
            "Sign-ins per second",
            "Wait for the service, median, ms",
            "99th percentile, ms",
        ),
        rows=[
            (
                f"{variant}, {_shown(case)}",
                each.spread(variant, "cpu").shown(2),
                each.spread(variant, "rate").shown(),
                each.spread(variant, "p50").shown(1),
                each.spread(variant, "p99").shown(1),
            )
            for case, each in results.items()
            for variant in _VARIANTS
        ],
    )


def _target(results: Results, case: _Case) -> Target:
    ratio = results.ratio(OURS, LITERAL, "cpu")
    return Target(
        aim=f"processor per sign-in, {_shown(case)}: at most {_MOST} of the original design's",
        figure=f"{ratio.shown(2)} times",
        is_met=ratio.median <= _MOST,
    )
