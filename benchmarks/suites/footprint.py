"""How long the commands take to start, and how much memory a server process uses."""

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.bench import Bench
from benchmarks.cores import memory_mib
from benchmarks.figures import Section, Spread, Table, Target
from benchmarks.load import Callers
from benchmarks.processes import VETASSIST
from benchmarks.reference_app import DATABASE
from benchmarks.sessions import SESSIONS_OF_A_USER

_HELP_SECONDS: Final = 0.3
_READY_SECONDS: Final = 1.0
_MEMORY_MIB: Final = 70
_REMEMBERING_MIB: Final = 80
#: After this time, one of several workers has checked its client credentials at VA.
_CHECKED_SECONDS: Final = 4


def measure(bench: Bench) -> Section:
    """Starts each command several times, and then measures a server under load."""
    plan = bench.plan
    database = bench.database("validation", plan.sessions * SESSIONS_OF_A_USER)
    environment = bench.environment | {DATABASE: database}
    command = (VETASSIST, "--help")
    # The first run doesn't count, because Python may compile changed files.
    _seconds_of(command, environment)
    help_takes = Spread(tuple(_seconds_of(command, environment) for _ in range(plan.starts)))
    ready_after: list[float] = []
    fresh: list[float] = []
    for _ in range(plan.starts):
        with bench.service(database, command=[VETASSIST, "serve"]) as server:
            ready_after.append(server.seconds_to_ready)
            fresh.append(server.memory_mib)
    validating, calling, own = _remembering(bench)
    ready, memory = Spread(tuple(ready_after)), Spread(tuple(fresh))
    table = Table(
        title="Start and memory",
        head=("", "Measured"),
        rows=[
            ("`vetassist --help`", help_takes.shown(2, " s")),
            ("`vetassist serve`: from its start to `GET /readyz` with 200", ready.shown(2, " s")),
            ("memory of the server process once it is ready (VmRSS)", memory.shown(1, " MiB")),
            (f"memory after validating {plan.remembered:,} tokens", f"{validating:.1f} MiB"),
            ("of which private to the process", f"{own:.1f} MiB"),
            ("the same in a process that also called VA", f"{calling:.1f} MiB"),
        ],
    )
    return Section(
        tables=[table],
        targets=[
            Target(
                aim=f"`vetassist --help` in less than {_HELP_SECONDS} s",
                figure=help_takes.shown(2, " s"),
                is_met=help_takes.median < _HELP_SECONDS,
            ),
            Target(
                aim=f"`vetassist serve` ready in less than {_READY_SECONDS:.0f} s",
                figure=ready.shown(2, " s"),
                is_met=ready.median < _READY_SECONDS,
            ),
            Target(
                aim=f"a server process uses at most {_MEMORY_MIB} MiB",
                figure=memory.shown(1, " MiB"),
                is_met=memory.median <= _MEMORY_MIB,
            ),
            Target(
                aim=f"a process that remembers {plan.remembered:,} tokens uses less than "
                f"{_REMEMBERING_MIB} MiB, also after calls to VA",
                figure=f"{validating:.1f} MiB, and {calling:.1f} MiB",
                is_met=max(validating, calling) < _REMEMBERING_MIB,
            ),
        ],
    )


def _remembering(bench: Bench) -> tuple[float, float, float]:
    """Lets two worker processes see every token, of which one has called VA.

    Returns:
        The memory of the other, the memory of that one, and what is private to the other.
    """
    plan = bench.plan
    many = plan.remembered
    database = bench.database("remembered", many * 2, standing=many)
    callers = Callers(connections=plan.busiest, tokens=bench.tokens_file(database, many))
    with bench.service(database, workers=2) as server:
        began, answered = time.perf_counter(), 0
        # Both workers take turns, and one of them checks its client credentials at VA.
        while answered < 4 * many or time.perf_counter() - began < _CHECKED_SECONDS:
            url = f"{server.url}/api/v1/verify"
            answered += bench.load.put(url, callers, plan.seconds).requests
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
        by_memory = sorted((memory_mib(int(pid)), int(pid)) for pid in children)
        (less, pid), *_, (most, _) = by_memory
        return less, most, _own_memory_mib(pid)


def _seconds_of(command: Sequence[str | Path], environment: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=environment, capture_output=True, check=True)
    return time.perf_counter() - began


def _own_memory_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024
