"""Writes what became of the last run's mutants into docs/reliability.md.

``make mutants`` makes the run. ``mutmut show NAME`` shows a mutant, and ``mutmut results`` names
those that no test noticed.
"""

import argparse
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks import report
from benchmarks.figures import Section, Table
from tests.mutants.tally import percent, row, tally

#: The least share that has to be noticed, in percent.
_AIM: Final = 90.0
_HEAD: Final = ("Package", "Mutants", "Killed", "Timed out", "Survived", "Not reached", "Noticed")


def main(arguments: Sequence[str]) -> int:
    """Writes the figures; the status says whether the aim was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--out", type=Path, help="the document to write into")
    options = parser.parse_args(arguments)
    counts = tally(_results().splitlines())
    total = sum(counts.values(), Counter[str]())
    rows = [row(name, count) for name, count in (*counts.items(), ("all", total))]
    note = f"Measured on {datetime.now(UTC):%Y-%m-%d} by `make mutants`."
    section = Section(tables=[Table(title="Mutants", head=_HEAD, rows=rows)], notes=[note])
    print(report.text(section))
    if options.out is not None:
        report.write(options.out, "mutants", section)
    return int(percent(total) < _AIM)


def _results() -> str:
    mutmut = str(Path(sys.executable).with_name("mutmut"))
    command = [mutmut, "results", "--all", "true"]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
