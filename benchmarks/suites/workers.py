"""Validations with one server process and with two."""

from typing import Final

from benchmarks.bench import Bench
from benchmarks.figures import Section, Table
from benchmarks.load import Callers
from benchmarks.rounds import in_turns
from benchmarks.sessions import SESSIONS_OF_A_USER

_WORKERS: Final = ("1", "2")


def measure(bench: Bench) -> Section:
    """Measures verify at full speed. Nothing is pinned, so all processes share all processors."""
    plan = bench.plan
    database = bench.database("validation", plan.sessions * SESSIONS_OF_A_USER)
    callers = Callers(connections=plan.busiest, tokens=bench.tokens_file(database))
    with (
        bench.service(database, workers=1, pinned=False) as one,
        bench.service(database, workers=2, pinned=False) as two,
    ):
        urls = {"1": f"{one.url}/api/v1/verify", "2": f"{two.url}/api/v1/verify"}

        def figures(workers: str) -> dict[str, float]:
            bench.load.put(urls[workers], callers, plan.warm_up_seconds)
            measured = bench.load.put(urls[workers], callers, plan.seconds)
            return {"rate": measured.rate, "p99": measured.p99_ms}

        for url in urls.values():
            bench.load.put(url, callers, plan.seconds)
        results = in_turns(_WORKERS, plan.rounds, figures, bench.say)
    table = Table(
        title=f"Verify with {plan.busiest} connections",
        head=(
            "Server processes",
            "Answers per second",
            "Relative to one process",
            "99th percentile, ms",
        ),
        rows=[
            (
                workers,
                results.spread(workers, "rate").shown(),
                results.ratio(workers, "1", "rate").shown(2),
                results.spread(workers, "p99").shown(2),
            )
            for workers in _WORKERS
        ],
    )
    note = (
        f"The service, PostgreSQL and the load share {len(bench.cores.every)} processors here, so "
        "a second process competes with PostgreSQL and the load."
    )
    return Section(tables=[table], notes=[note])
