"""Runs the fail-over bench, prints its table, and writes it into docs/reliability.md."""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks import report
from benchmarks.figures import Section, Table
from tests.failover.bench import KINDS, FailOvers, Way, fail_over_bench
from tests.failover.programs import MissingError, ensure_installed
from tests.faults.outcome import HEAD, median_and_most, row, summary

_ROUNDS: Final = (2, 1, 1)
#: What faults and fail-overs have in common, without the times.
_COMMON: Final = 7
_HEAD: Final = (
    *HEAD[:_COMMON],
    "Promoted after (at most)",
    "Back after the promotion (median)",
    "Back after the promotion (at most)",
)


def main(arguments: Sequence[str]) -> int:
    """Runs every kind in every way; the status says whether a promise was broken."""
    options = _options(arguments)
    try:
        ensure_installed()
    except MissingError as error:
        print(f"make failover: {error}", file=sys.stderr)
        return 1
    began = time.monotonic()
    measured: dict[Way, list[FailOvers]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="vetassist-failover-") as folder,
        fail_over_bench(Path(folder)) as bench,
    ):
        for way, rounds in zip(Way, options.rounds, strict=True):
            if not rounds:
                continue
            measured[way] = []
            with bench.served(way):
                for kind in (each for each in KINDS if options.only in each.title):
                    measured[way].append(bench.measure(kind, rounds))
                    _say(measured[way][-1])
        verifies = bench.audit_verifies()
    minutes = (time.monotonic() - began) / 60
    section = _section(measured, " ".join(["python -m tests.failover", *arguments]), minutes)
    print(report.text(section))
    broken = not verifies or any(each.faults for way in measured.values() for each in way)
    if not verifies:
        print("The audit trail does not verify.", file=sys.stderr)
    if options.out is not None and not broken:
        report.write(options.out, "failover", section)
    return int(broken)


def _section(measured: dict[Way, list[FailOvers]], command: str, minutes: float) -> Section:
    tables = [
        Table(title=f"By {way}", head=_HEAD, rows=[_row(each) for each in outcomes])
        for way, outcomes in measured.items()
    ]
    number = sum(len(each.promoted_after) for way in measured.values() for each in way)
    note = (
        f"Measured on {datetime.now(UTC):%Y-%m-%d} by `{command}`: "
        f"{number} fail-overs in {minutes:.0f} minutes."
    )
    return Section(tables=tables, notes=[note])


def _row(each: FailOvers) -> tuple[str, ...]:
    return (
        *row(each.outcome)[:_COMMON],
        f"{max(each.promoted_after):.1f} s",
        *median_and_most(each.outcome.back_seconds),
    )


def _say(each: FailOvers) -> None:
    print(summary(_row(each), each.faults), file=sys.stderr, flush=True)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.failover", description=__doc__)
    parser.add_argument(
        "--rounds",
        type=int,
        nargs=len(Way),
        default=_ROUNDS,
        metavar=("HOSTS", "HAPROXY", "PGBOUNCER"),
        help="how many rounds of each kind, in each way",
    )
    parser.add_argument("--only", default="", help="only kinds that have this in their title")
    parser.add_argument("--out", type=Path, help="the document to write into")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
