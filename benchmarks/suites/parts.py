"""The time of single parts. Runs pytest-benchmark and reads its results."""

import json
import sys
from typing import Any, Final

from benchmarks.bench import Bench
from benchmarks.figures import Section, Table
from benchmarks.processes import REPOSITORY
from benchmarks.sessions import SESSIONS_OF_A_USER

_MICROSECONDS: Final = 1e6
_PARTS: Final = REPOSITORY / "benchmarks" / "test_parts.py"


def measure(bench: Bench) -> Section:
    """Runs the parts on the service's processor, with no other load."""
    plan = bench.plan
    database = bench.database("validation", plan.sessions * SESSIONS_OF_A_USER)
    results = bench.folder / "parts.json"
    bench.command(
        database,
        *(sys.executable, "-m", "pytest", _PARTS, "--quiet", "-p", "no:cacheprovider"),
        *(f"--benchmark-json={results}", f"--benchmark-max-time={plan.seconds / 3}"),
        "--benchmark-disable-gc",
    )
    measured: list[dict[str, Any]] = json.loads(results.read_text())["benchmarks"]
    table = Table(
        title="Microseconds each (pytest-benchmark)",
        head=("", "Median", "Lowest", "Rounds"),
        rows=[
            (
                _name(each["name"]),
                f"{each['stats']['median'] * _MICROSECONDS:,.1f}",
                f"{each['stats']['min'] * _MICROSECONDS:,.1f}",
                f"{each['stats']['rounds']:,}",
            )
            for each in measured
        ],
    )
    return Section(
        tables=[table],
        notes=["`look up sessions[n]` starts n look-ups at once and waits for all answers."],
    )


def _name(test: str) -> str:
    return test.removeprefix("test_").replace("_", " ")
