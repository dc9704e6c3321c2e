"""Which case is covered where: what INDEX.md says, and what stands in the tests.

``python -m tests.security.index`` brings the table's last column up to date.
"""

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).resolve().parents[1]
INDEX: Final = TESTS / "security" / "INDEX.md"
NOT_YET: Final = "not yet"
REFERENCE: Final = re.compile(r"`([\w/]+\.py)(?:::(\w+))?`")
_ROW: Final = re.compile(r"(\| *(\d+) *\|[^|]+\|) ([^|]+) \|")
_NAME: Final = re.compile(r"test_case_(\d+)_")


def rows() -> list[tuple[int, str]]:
    """The cases of the table, in order, with what stands in its last column."""
    matches = [_ROW.fullmatch(line) for line in INDEX.read_text().splitlines()]
    return [(int(match[2]), match[3]) for match in matches if match]


@cache
def names_by_file() -> dict[str, set[str]]:
    """The names of all functions of test modules, by file, relative to the tests' folder."""
    names: dict[str, set[str]] = {}
    for path in TESTS.glob("**/test_*.py"):
        functions = (
            node.name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        )
        names[path.relative_to(TESTS).as_posix()] = set(functions)
    return names


@cache
def cases_by_file() -> dict[str, set[int]]:
    """The cases that the tests of a file name."""
    cases: defaultdict[str, set[int]] = defaultdict(set)
    for file, names in names_by_file().items():
        cases[file].update(int(match[1]) for name in names if (match := _NAME.match(name)))
    return dict(cases)


def up_to_date(case: int, where: str) -> str:
    """The last column as it should be: references to single tests and reasons stay."""
    holding = {file for file, cases in cases_by_file().items() if case in cases}
    named = [(file, name) for file, name in REFERENCE.findall(where) if name or file in holding]
    new = sorted(
        holding - {file for file, _ in named}, key=lambda file: (file[:8] != "security", file)
    )
    if not named and not new:
        return NOT_YET if REFERENCE.search(where) else where
    references = [f"{file}::{name}" if name else file for file, name in named] + new
    return ", ".join(f"`{reference}`" for reference in references)


def rewrite() -> None:
    """Bring the table up to date."""

    def row(match: re.Match[str]) -> str:
        return f"{match[1]} {up_to_date(int(match[2]), match[3])} |"

    INDEX.write_text(_ROW.sub(row, INDEX.read_text()))


if __name__ == "__main__":
    rewrite()
