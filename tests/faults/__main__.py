"""Runs the fault bench, prints its table, and writes it into docs/reliability.md."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks import report
from benchmarks.figures import Section, Table
from tests.faults.bench import KINDS, fault_bench
from tests.faults.outcome import HEAD, Outcome, row, summary
from tests.support.processes import REPOSITORY

DOCUMENT: Final = REPOSITORY / "docs" / "reliability.md"
_ROUNDS: Final = (200, 200, 50, 50)


def main(arguments: Sequence[str]) -> int:
    """Runs every kind; the status says whether a promise was broken."""
    options = _options(arguments)
    rounds = dict(zip(KINDS, options.rounds, strict=True))
    outcomes = []
    with (
        tempfile.TemporaryDirectory(prefix="vetassist-faults-") as folder,
        fault_bench(Path(folder)) as bench,
    ):
        for kind, count in rounds.items():
            if count:
                outcomes.append(bench.measure(kind, count))
                print(summary(row(outcomes[-1]), outcomes[-1].faults), file=sys.stderr, flush=True)
        verifies = bench.audit_verifies()
    section = _section(outcomes, " ".join(["python -m tests.faults", *arguments]))
    print(report.text(section))
    broken = not verifies or any(outcome.faults for outcome in outcomes)
    if not verifies:
        print("The audit trail does not verify.", file=sys.stderr)
    if options.out is not None and not broken:
        report.write(options.out, "faults", section)
    return int(broken)


def _section(outcomes: Sequence[Outcome], command: str) -> Section:
    note = f"Measured on {datetime.now(UTC):%Y-%m-%d} by `{command}`."
    table = Table(title="Faults under load", head=HEAD, rows=[row(each) for each in outcomes])
    return Section(tables=[table], notes=[note])


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument(
        "--rounds",
        type=int,
        nargs=len(KINDS),
        default=_ROUNDS,
        metavar=("POSTGRES", "SERVICE", "BOTH", "FREEZES"),
        help="how many rounds of each kind",
    )
    parser.add_argument("--out", type=Path, help="the document to write into")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
