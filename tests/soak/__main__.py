"""Runs the soak, prints its table, and writes it into docs/reliability.md."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks import report
from benchmarks.figures import Section, Table
from tests.soak.soak import Soaked, soak

_PARTS: Final = 6
_MOST_SHOWN: Final = 20
_HEAD: Final = (
    "Part",
    "Memory (at most)",
    "Connections (at most)",
    "Open files (at most)",
    "Validations timed",
    "p50",
    "p99",
    "Longest",
)


def main(arguments: Sequence[str]) -> int:
    """Runs it; the status says whether something grew or a promise was broken."""
    options = _options(arguments)
    with tempfile.TemporaryDirectory(prefix="vetassist-soak-") as folder:
        soaked = soak(Path(folder), minutes=options.minutes, parts=_PARTS)
    section = _section(soaked, " ".join(["python -m tests.soak", *arguments]))
    print(report.text(section))
    faults = soaked.faults
    for fault in faults[:_MOST_SHOWN]:
        print(fault, file=sys.stderr)
    if options.out is not None and not faults:
        report.write(options.out, "soak", section)
    return int(bool(faults))


def _section(soaked: Soaked, command: str) -> Section:
    rows = []
    for number, span in enumerate(soaked.spans, 1):
        seconds = sorted(span.seconds)
        rows.append(
            (
                f"{number} of {_PARTS}",
                f"{max(span.memory):.1f} MiB",
                str(max(span.connections)),
                str(max(span.files)),
                f"{len(seconds):,}",
                f"{seconds[len(seconds) // 2] * 1000:.1f} ms",
                f"{span.p99 * 1000:.1f} ms",
                f"{seconds[-1] * 1000:.0f} ms",
            )
        )
    table = Table(title="Steady load", head=_HEAD, rows=rows)
    told = soaked.told
    acknowledged = (
        f"{len(told.sessions):,} sign-ins and {told.acknowledged - len(told.sessions):,} renewals "
        f"and sign-outs were acknowledged: {len(soaked.found.lost)} lost, "
        f"{len(soaked.found.revived)} revived, {len(soaked.found.refused)} refused."
    )
    notes = [
        f"Measured on {datetime.now(UTC):%Y-%m-%d} by `{command}`.",
        acknowledged,
        f"The clients' longest request took {told.longest_seconds:.1f} s.",
    ]
    return Section(tables=[table], notes=notes)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="how long (default: 60)")
    parser.add_argument("--out", type=Path, help="the document to write into")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
