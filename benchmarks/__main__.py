"""Runs the benchmarks, prints the results, and writes them into docs/performance.md."""

import argparse
import dataclasses
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks import report
from benchmarks.bench import Bench, opened
from benchmarks.cores import busy_share
from benchmarks.figures import Section, Table
from benchmarks.machine import facts
from benchmarks.plan import SHORT, Plan
from benchmarks.processes import REPOSITORY, BenchmarkError
from benchmarks.suites import (
    audit_sealing,
    below_saturation,
    footprint,
    growth,
    parts,
    revocation,
    sign_in,
    sign_in_counts,
    storm,
    validation,
    whole_sign_in,
    workers,
)

SUITES: Final[Mapping[str, Callable[[Bench], Section]]] = {
    "validation": validation.measure,
    "below-saturation": below_saturation.measure,
    "sign-in": sign_in.measure,
    "whole-sign-in": whole_sign_in.measure,
    "sign-in-counts": sign_in_counts.measure,
    "storm": storm.measure,
    "growth": growth.measure,
    "workers": workers.measure,
    "revocation": revocation.measure,
    "footprint": footprint.measure,
    "audit-sealing": audit_sealing.measure,
    "parts": parts.measure,
}
DOCUMENT: Final = REPOSITORY / "docs" / "performance.md"


def main(arguments: Sequence[str]) -> None:
    """Runs the suites given by `--only`, or all of them."""
    options = _options(arguments)
    if sys.platform != "linux":
        sys.exit("The benchmarks read /proc and pin processes, so they need Linux.")
    names = options.only or list(SUITES)
    document = options.out or (None if options.short or options.only else DOCUMENT)
    command = " ".join(["python -m benchmarks", *arguments])
    with (
        tempfile.TemporaryDirectory(prefix="vetassist-bench-") as folder,
        opened(_plan(options), Path(folder), _say) as bench,
    ):
        for name in names:
            section = _measured(bench, name, command)
            print(f"\n{report.text(section)}\n", flush=True)
            if document is not None:
                report.write(document, name, section)
        machine = _machine(bench)
        print(report.text(machine))
        if document is not None:
            report.write(document, "machine", machine)


def _measured(bench: Bench, name: str, command: str) -> Section:
    _say(f"{name}")
    in_use = busy_share(bench.plan.warm_up_seconds)
    began = time.monotonic()
    section = SUITES[name](bench)
    minutes = (time.monotonic() - began) / 60
    note = (
        f"Measured on {datetime.now(UTC):%Y-%m-%d} by `{command}` in {minutes:.0f} minutes. "
        f"Other processes used {in_use:.0%} of the machine before the run. The load average at "
        f"the end was {os.getloadavg()[0]:.1f}."
    )
    return dataclasses.replace(section, notes=[*section.notes, note])


def _machine(bench: Bench) -> Section:
    return Section(tables=[Table(title="Machine and software", head=("", ""), rows=facts(bench))])


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--short", action="store_true", help="run everything briefly to check that it works"
    )
    parser.add_argument(
        "--only", action="append", choices=[*SUITES], help="run only this suite (can be repeated)"
    )
    parser.add_argument("--seconds", type=float, help="the length of one measurement")
    parser.add_argument("--rounds", type=int, help="how often to measure everything")
    parser.add_argument(
        "--rows",
        type=int,
        action="append",
        help="the sessions in a database of the growth suite (can be repeated)",
    )
    parser.add_argument("--out", type=Path, help="the document to write into")
    options = parser.parse_args(arguments)
    if options.out is not None and not options.out.is_file():
        parser.error(f"the document doesn't exist: {options.out}")
    return options


def _plan(options: argparse.Namespace) -> Plan:
    plan = SHORT if options.short else Plan()
    given = {
        "seconds": options.seconds,
        "rounds": options.rounds,
        "rows": options.rows and tuple(options.rows),
    }
    return dataclasses.replace(
        plan, **{name: value for name, value in given.items() if value is not None}
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except BenchmarkError as error:
        sys.exit(str(error))
