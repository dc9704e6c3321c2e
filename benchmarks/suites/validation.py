"""Validations at full speed, compared with services that do less."""

from collections.abc import Callable, Mapping
from typing import Final

from benchmarks.bench import Bench
from benchmarks.figures import Section, Spread, Table, Target
from benchmarks.load import Callers
from benchmarks.plot import Group, bar_chart
from benchmarks.processes import Server
from benchmarks.rounds import Results, in_turns
from benchmarks.sessions import SESSIONS_OF_A_USER

CONSTANT: Final = "a constant answer"
STATELESS: Final = "stateless: PyJWT, no database"
ONE_SELECT: Final = "one SELECT per request"
VERIFY: Final = "ours: verify"
SESSION: Final = "ours: session"
FORGETFUL: Final = "ours: verify, tokens not remembered"
_MICROSECONDS: Final = 1e6
VARIANTS: Final = (CONSTANT, STATELESS, ONE_SELECT, VERIFY, SESSION, FORGETFUL)


#: Results by number of connections.
_Results = Mapping[int, Results]
#: The server and the path of each variant.
_Routes = Mapping[str, tuple[Server, str]]


def measure(bench: Bench) -> Section:
    """Measures every variant with every number of connections, in turns."""
    plan = bench.plan
    database = bench.database("validation", plan.sessions * SESSIONS_OF_A_USER)
    tokens = bench.tokens_file(database)
    with (
        bench.reference(database) as reference,
        bench.service(database) as service,
        bench.service(database, settings={"jwt_cache_size": 0}) as forgetful,
    ):
        routes = {
            CONSTANT: (reference, "/constant"),
            STATELESS: (reference, "/stateless"),
            ONE_SELECT: (reference, "/one-select"),
            VERIFY: (service, "/api/v1/verify"),
            SESSION: (service, "/api/v1/session"),
            FORGETFUL: (forgetful, "/api/v1/verify"),
        }

        # Long enough for each server to see every token once.
        for server, path in routes.values():
            callers = Callers(connections=plan.busiest, tokens=tokens)
            bench.load.put(server.url + path, callers, plan.seconds)
        results = {
            connections: _in_turns(bench, routes, Callers(connections=connections, tokens=tokens))
            for connections in plan.connections
        }
    return Section(
        tables=_tables(results), targets=_targets(results), plots={"performance": _plot(results)}
    )


def _in_turns(bench: Bench, routes: _Routes, callers: Callers) -> Results:
    plan = bench.plan

    def figures(variant: str) -> dict[str, float]:
        server, path = routes[variant]
        bench.load.put(server.url + path, callers, plan.warm_up_seconds)
        cpu = server.cpu_seconds
        measured = bench.load.put(server.url + path, callers, plan.seconds)
        return {
            "rate": measured.rate,
            "p50": measured.p50_ms,
            "p99": measured.p99_ms,
            "cpu": (server.cpu_seconds - cpu) / measured.requests * _MICROSECONDS,
        }

    bench.say(f"  {_at(callers.connections)}")
    return in_turns(VARIANTS, plan.rounds, figures, bench.say)


def _tables(results: _Results) -> list[Table]:
    head = ("", *(_at(connections) for connections in results))

    def table(title: str, cell: Callable[[Results, str], Spread], digits: int) -> Table:
        rows = [
            (variant, *(cell(each, variant).shown(digits) for each in results.values()))
            for variant in VARIANTS
        ]
        return Table(title=title, head=head, rows=rows)

    return [
        table("Answers per second", lambda each, variant: each.spread(variant, "rate"), 0),
        table(
            "Answers per second, relative to the stateless service in the same round",
            lambda each, variant: each.ratio(variant, STATELESS, "rate"),
            2,
        ),
        table(
            "Service's processor per answer, µs",
            lambda each, variant: each.spread(variant, "cpu"),
            0,
        ),
        table(
            "Time to an answer, median, ms",
            lambda each, variant: each.spread(variant, "p50"),
            2,
        ),
        table(
            "Time to an answer, 99th percentile, ms",
            lambda each, variant: each.spread(variant, "p99"),
            2,
        ),
    ]


def _targets(results: _Results) -> list[Target]:
    few, busiest = min(results), max(results)
    rates = [
        _rate_target(results[connections], connections, least)
        for connections, least in ((busiest, 2.0), (16, 1.4))
        if connections in results
    ]
    alone = results[few].ratio(VERIFY, STATELESS, "p50")
    tail = results[busiest].ratio(VERIFY, STATELESS, "p99")
    return [
        *rates,
        Target(
            aim=f"verify, median time with {_at(few)}: at most 2.5 times the stateless service's",
            figure=alone.shown(2),
            is_met=alone.median <= 2.5,
        ),
        Target(
            aim=f"verify, 99th percentile with {_at(busiest)}: at most 0.55 times the stateless "
            "service's (6 ms to its 11 ms)",
            figure=f"{tail.shown(2)}: {_tail_of(results[busiest], VERIFY)} to its "
            f"{_tail_of(results[busiest], STATELESS)}",
            is_met=tail.median <= 6 / 11,
        ),
    ]


def _rate_target(results: Results, connections: int, least: float) -> Target:
    ratio = results.ratio(VERIFY, STATELESS, "rate")
    return Target(
        aim=f"verify with {_at(connections)}: at least {least} times the stateless service",
        figure=ratio.shown(2),
        is_met=ratio.median >= least,
    )


def _tail_of(results: Results, variant: str) -> str:
    return f"{results.spread(variant, 'p99').median:.1f} ms"


def _plot(results: _Results) -> tuple[str, str]:
    groups = [
        Group(
            label=_at(connections),
            values=[each.spread(variant, "rate").median for variant in VARIANTS],
        )
        for connections, each in results.items()
    ]
    title = "Answers per second, one processor for the service"
    return title, bar_chart(title, VARIANTS, groups)


def _at(connections: int) -> str:
    return "1 connection" if connections == 1 else f"{connections} connections"
