"""Validations by callers that pause between requests, so that the service isn't saturated."""

from typing import Final

from benchmarks.bench import Bench
from benchmarks.figures import Section, Table, Target
from benchmarks.load import Callers
from benchmarks.rounds import in_turns
from benchmarks.sessions import SESSIONS_OF_A_USER
from benchmarks.suites.validation import ONE_SELECT, STATELESS, VERIFY

_MICROSECONDS: Final = 1e6
_VARIANTS: Final = (STATELESS, ONE_SELECT, VERIFY)


def measure(bench: Bench) -> Section:
    """Measures time and processor time of all variants at the same request rate."""
    plan = bench.plan
    database = bench.database("validation", plan.sessions * SESSIONS_OF_A_USER)
    callers = Callers(
        connections=plan.busiest,
        tokens=bench.tokens_file(database),
        think_milliseconds=plan.think_milliseconds,
    )
    with bench.reference(database) as reference, bench.service(database) as service:
        routes = {
            STATELESS: (reference, "/stateless"),
            ONE_SELECT: (reference, "/one-select"),
            VERIFY: (service, "/api/v1/verify"),
        }

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

        # Each server must see every token once before the measurement.
        busy = Callers(connections=plan.busiest, tokens=callers.tokens)
        for server, path in routes.values():
            bench.load.put(server.url + path, busy, plan.seconds)
        results = in_turns(_VARIANTS, plan.rounds, figures, bench.say)
    shortest, longest = plan.think_milliseconds
    table = Table(
        title=f"{plan.busiest} connections, {shortest} to {longest} ms between an answer and the "
        "next request",
        head=(
            "",
            "Answers per second",
            "Median, ms",
            "99th percentile, ms",
            "Service's processor per answer, µs",
        ),
        rows=[
            (
                variant,
                results.spread(variant, "rate").shown(),
                results.spread(variant, "p50").shown(2),
                results.spread(variant, "p99").shown(2),
                results.spread(variant, "cpu").shown(),
            )
            for variant in _VARIANTS
        ],
    )
    slower = results.ratio(VERIFY, ONE_SELECT, "p50")
    dearer = results.ratio(VERIFY, ONE_SELECT, "cpu")
    return Section(
        tables=[table],
        targets=[
            Target(
                aim="verify, median time: no longer than with one SELECT per request",
                figure=f"{slower.shown(2)} times",
                is_met=slower.median <= 1,
            ),
            Target(
                aim="verify, processor per answer: less than with one SELECT per request",
                figure=f"{dearer.shown(2)} times",
                is_met=dearer.median < 1,
            ),
        ],
    )
