"""What a whole sign-in costs that no other load can distort: calls to the system, and waits."""

import asyncio
import itertools
import json
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.bench import Bench
from benchmarks.browsers import sign_in_each
from benchmarks.counting_proxy import counted
from benchmarks.figures import Section, Table
from benchmarks.processes import BenchmarkError, Server
from benchmarks.suites.whole_sign_in import LITERAL, OURS

_CALLS: Final = "calls to the system"
_STATEMENTS: Final = "statements, BEGIN and COMMIT included"
_ROUND_TRIPS: Final = "round trips to PostgreSQL"
_VA_CALLS: Final = "calls to VA"
#: Names of system calls by what a process does with them.
_KINDS: Final[Mapping[str, frozenset[str]]] = {
    "of which to wait for events": frozenset({"epoll_wait", "epoll_pwait", "epoll_pwait2", "poll"}),
    "of which to read and write": frozenset(
        {"read", "readv", "write", "writev", "sendto", "sendmsg", "recvfrom", "recvmsg"}
    ),
    "of which to open connections": frozenset({"connect"}),
    "of which to look at files": frozenset({"stat", "newfstatat", "openat", "getdents64", "statx"}),
    "of which between threads": frozenset({"futex"}),
}
_NOT_MEASURED: Final = "not measured (no strace)"
_LOOK_AGAIN_SECONDS: Final = 0.01


def measure(bench: Bench) -> Section:
    """Counts during sign-ins, one after another, and subtracts what happens without any."""
    figures = {LITERAL: _counts(bench, is_literal=True), OURS: _counts(bench, is_literal=False)}
    rows = [
        (row, *(_shown(each.get(row)) for each in figures.values()))
        for row in (_VA_CALLS, _ROUND_TRIPS, _STATEMENTS, _CALLS, *_KINDS)
    ]
    return Section(
        tables=[Table(title="Per sign-in, one at a time", head=("", *figures), rows=rows)],
        notes=["Work in the background, such as the heartbeat, is subtracted."],
    )


def _counts(bench: Bench, *, is_literal: bool) -> dict[str, float]:
    name = "counts_literal" if is_literal else "counts"
    database = bench.empty_database(name) if is_literal else bench.database(name)
    veterans = itertools.count()

    with (
        counted(database) as (url, counts),
        bench.product(url, is_literal=is_literal) as (service, sandbox),
    ):

        def sign_in(number: int) -> None:
            browse = sign_in_each(service, sandbox, itertools.islice(veterans, number))
            asyncio.run(browse)

        # Fetches metadata and keys, opens connections, and prepares statements.
        sign_in(bench.plan.sign_ins)
        asked, before, began = _va_calls(sandbox), counts.copy(), time.perf_counter()
        sign_in(bench.plan.sign_ins)
        done, seconds = counts.since(before), time.perf_counter() - began
        va_calls = _va_calls(sandbox) - asked
        before = counts.copy()
        time.sleep(seconds)
        idle = counts.since(before)
        found: dict[str, float] = {
            _VA_CALLS: va_calls,
            _ROUND_TRIPS: done.round_trips - idle.round_trips,
            _STATEMENTS: done.statements - idle.statements,
        }
        if shutil.which("strace") is not None:
            found |= _system_calls(bench, service, lambda: sign_in(bench.plan.sign_ins))
    return {row: count / bench.plan.sign_ins for row, count in found.items()}


def _va_calls(sandbox: Server) -> int:
    """Returns how many requests the simulated VA had from the service."""
    with urllib.request.urlopen(f"{sandbox.url}/sandbox/counters") as answer:
        requests: dict[str, int] = json.load(answer)["requests"]
    return sum(count for endpoint, count in requests.items() if endpoint != "authorization")


def _system_calls(bench: Bench, service: Server, work: Callable[[], None]) -> dict[str, float]:
    log = bench.folder / "strace.log"
    with _traced(service, log):
        began = time.perf_counter()
        work()
        seconds = time.perf_counter() - began
    busy = _calls_in(log)
    with _traced(service, log):
        time.sleep(seconds)
    idle = _calls_in(log)
    calls = {name: count - idle.get(name, 0) for name, count in busy.items()}
    kinds = {kind: sum(calls.get(name, 0) for name in names) for kind, names in _KINDS.items()}
    return {_CALLS: sum(calls.values())} | kinds


@contextmanager
def _traced(service: Server, log: Path) -> Iterator[None]:
    """Counts the system calls of all threads until the block ends."""
    command = ["strace", "-f", "-c", "-U", "calls,name", "-o", log, "-p", str(service.pid)]
    tracer = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        while "TracerPid:\t0\n" in Path(f"/proc/{service.pid}/status").read_text():
            if tracer.poll() is not None:
                raise BenchmarkError("strace may not trace the service")
            time.sleep(_LOOK_AGAIN_SECONDS)
        yield
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait()


def _calls_in(log: Path) -> dict[str, int]:
    rows = [line.split() for line in log.read_text().splitlines()]
    counts = {row[1]: int(row[0]) for row in rows if len(row) == 2 and row[0].isdigit()}
    counts.pop("total", None)
    return counts


def _shown(count: float | None) -> str:
    return _NOT_MEASURED if count is None else f"{count:,.1f}"
