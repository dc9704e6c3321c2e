"""Everybody signs in at once, with validations beside it."""

import json
import os
import statistics
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Any, Final

from benchmarks.bench import Bench
from benchmarks.cores import memory_mib
from benchmarks.figures import Section, Table, Target
from benchmarks.load import Callers, Measured
from benchmarks.processes import REPOSITORY, BenchmarkError, Server
from benchmarks.sessions import SESSIONS_OF_A_USER

_VA_SECONDS: Final = 0.3
_VALIDATING: Final = 16
_MOST_TIMES: Final = 3
_MOST_GROWTH_MIB: Final = 50
#: The simulated VA and the browsers would be on other machines, so PostgreSQL comes before them.
_NICE: Final = 10
_DELAYS: Final = {
    endpoint: {"delay_seconds": _VA_SECONDS} for endpoint in ("token", "userinfo", "status")
}


def measure(bench: Bench) -> Section:
    """Measures validations without sign-ins, then the storm with validations beside it."""
    plan = bench.plan
    database = bench.database("storm", plan.sessions * SESSIONS_OF_A_USER)
    callers = Callers(
        connections=_VALIDATING,
        tokens=bench.tokens_file(database),
        think_milliseconds=plan.think_milliseconds,
    )
    with bench.product(database) as (service, sandbox):
        os.setpriority(os.PRIO_PROCESS, sandbox.pid, _NICE)
        url = f"{service.url}/api/v1/verify"
        _storm(bench, service, sandbox, first=0, count=plan.storm // 20 + 1)
        _delay(sandbox)
        for _ in range(2):
            quiet = bench.load.put(url, callers, plan.seconds * 2)
        before = service.memory_mib
        with _validating(bench, url, callers) as beside:
            parts = _storm(bench, service, sandbox, first=plan.storm, count=plan.storm)
        most, after = memory_mib(service.pid, most=True), service.memory_mib
    started, signed_in = parts["started"], parts["signed in"]
    answers: dict[str, int] = signed_in["answers"]
    worst = max(beside, key=lambda each: each.p99_ms)
    p99 = statistics.median(each.p99_ms for each in beside)
    ratio = worst.p99_ms / quiet.p99_ms
    return Section(
        tables=[
            Table(
                title=f"{plan.storm:,} sign-ins at once, at a VA that answers in "
                f"{_VA_SECONDS * 1000:.0f} ms",
                head=("", ""),
                rows=[
                    ("seconds until all had started", f"{started['seconds']:.1f}"),
                    (
                        "seconds from all callbacks at once until all were signed in",
                        f"{signed_in['seconds']:.1f}",
                    ),
                    ("the same, median of the browsers", f"{signed_in['median']:.1f}"),
                    *((answer, f"{count:,}") for answer, count in sorted(answers.items())),
                    (
                        "memory before, most, and after, MiB",
                        f"{before:.1f}, {most:.1f}, {after:.1f}",
                    ),
                ],
            ),
            Table(
                title=f"Validations beside it, {_VALIDATING} connections with pauses",
                head=("", "Answers per second", "Median, ms", "99th percentile, ms"),
                rows=[
                    ("without sign-ins", *_cells(quiet)),
                    ("during the storm, median of its parts", "", "", f"{p99:.2f}"),
                    ("during the worst part of the storm", *_cells(worst)),
                ],
            ),
        ],
        targets=[
            Target(
                aim="everybody is signed in, or told when to come again; no other error",
                figure=f"{answers['callback: signed in']:,} of {plan.storm:,}",
                is_met=answers["callback: signed in"] == plan.storm,
            ),
            Target(
                aim=f"the process grows by at most {_MOST_GROWTH_MIB} MiB",
                figure=f"{most - before:.1f} MiB",
                is_met=most - before <= _MOST_GROWTH_MIB,
            ),
            Target(
                aim=f"validations beside it, 99th percentile: less than {_MOST_TIMES} times the "
                "quiet one",
                figure=f"{ratio:.1f} times in the worst part, "
                f"{p99 / quiet.p99_ms:.1f} in the median part",
                is_met=ratio < _MOST_TIMES,
            ),
        ],
    )


def _cells(measured: Measured) -> tuple[str, str, str]:
    return f"{measured.rate:,.0f}", f"{measured.p50_ms:.2f}", f"{measured.p99_ms:.2f}"


def _delay(sandbox: Server) -> None:
    request = urllib.request.Request(
        f"{sandbox.url}/sandbox/faults", json.dumps(_DELAYS).encode(), method="PUT"
    )
    with urllib.request.urlopen(request):
        pass


def _storm(
    bench: Bench, service: Server, sandbox: Server, *, first: int, count: int
) -> dict[str, dict[str, Any]]:
    """Runs the storm in a process of its own, and returns the figures of each part."""
    ended = subprocess.run(
        [
            *("nice", "-n", str(_NICE), sys.executable, "-m", "benchmarks.storm_browsers"),
            *(service.url, sandbox.url, str(first), str(count)),
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        log = (bench.folder / "service.log").read_text()[-2000:]
        raise BenchmarkError(f"the storm failed:\n{ended.stderr[-2000:]}\n{log}")
    parts: list[dict[str, Any]] = [json.loads(line) for line in ended.stdout.splitlines()]
    return {part["part"]: part for part in parts}


@contextmanager
def _validating(bench: Bench, url: str, callers: Callers) -> Iterator[list[Measured]]:
    """Validates until the block ends. Yields the list to which each part is added.

    Raises:
        BenchmarkError: A validation wasn't answered with 200.
    """
    is_over, measured = Event(), []

    def validate() -> None:
        while not is_over.is_set():
            measured.append(bench.load.put(url, callers, bench.plan.seconds))

    with ThreadPoolExecutor(1) as threads:
        validating = threads.submit(validate)
        try:
            yield measured
        finally:
            is_over.set()
        validating.result()
