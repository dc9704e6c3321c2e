"""Fuzzes everything that reads what others write, and writes the figures into docs/reliability.md.

The same seed and number make the same edits: `--only "ID token" --start 4711 --inputs 1` feeds one
again, and `--start` goes on where an earlier run ended.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks import report
from benchmarks.figures import Section, Table
from tests.fuzz.run import LIMIT_SECONDS, Count, run
from tests.fuzz.targets import TARGETS

_INPUTS: Final = 1_000_000
_MOST_SHOWN: Final = 5
_HEAD: Final = ("What reads", "Inputs", "Accepted", "Crashes", "Hangs")


def main(arguments: Sequence[str]) -> int:
    """Feeds every target its share; the status says whether one crashed or hung."""
    options = _options(arguments)
    targets = [each for each in TARGETS if options.only in {None, each.name}]
    began = time.monotonic()
    counts = []
    for target in targets:
        share = -(-options.inputs // len(targets))
        counts.append(run(target, seed=options.seed, start=options.start, inputs=share))
        _say(counts[-1])
    minutes = (time.monotonic() - began) / 60
    section = _section(counts, " ".join(["python -m tests.fuzz", *arguments]), minutes)
    print(report.text(section))
    failed = any(each.crashes or each.hangs for each in counts)
    if options.out is not None and not failed:
        report.write(options.out, "fuzz", section)
    return int(failed)


def _section(counts: Sequence[Count], command: str, minutes: float) -> Section:
    total = Count(
        target="all",
        inputs=sum(each.inputs for each in counts),
        accepted=sum(each.accepted for each in counts),
        crashes={number: what for each in counts for number, what in each.crashes.items()},
        hangs=[number for each in counts for number in each.hangs],
    )
    rows = [_row(each) for each in (*counts, total)]
    note = (
        f"Measured on {datetime.now(UTC):%Y-%m-%d} by `{command}` in {minutes:.0f} minutes. "
        f"A hang is an input that takes longer than {LIMIT_SECONDS:.0f} seconds."
    )
    return Section(tables=[Table(title="Mutated inputs", head=_HEAD, rows=rows)], notes=[note])


def _row(count: Count) -> tuple[str, ...]:
    numbers = (count.inputs, count.accepted, len(count.crashes), len(count.hangs))
    return (count.target, *(f"{number:,}" for number in numbers))


def _say(count: Count) -> None:
    print("  ".join(_row(count)), file=sys.stderr, flush=True)
    for number, what in list(count.crashes.items())[:_MOST_SHOWN]:
        print(f"  input {number}: {what[:200]}", file=sys.stderr, flush=True)
    for number in count.hangs[:_MOST_SHOWN]:
        print(f"  input {number} hangs", file=sys.stderr, flush=True)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=_INPUTS, help="how many, of all targets")
    parser.add_argument("--seed", type=int, default=1, help="makes other inputs")
    parser.add_argument("--start", type=int, default=0, help="the number of the first input")
    parser.add_argument("--only", choices=[each.name for each in TARGETS], help="one target")
    parser.add_argument("--out", type=Path, help="the document to write into")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
