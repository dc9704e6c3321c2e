"""Which test covers which case: the marks of the tests, and the index that is made from them.

``python -m tests.security.index`` writes INDEX.md.
"""

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).resolve().parents[1]
INDEX: Final = TESTS / "security" / "INDEX.md"
_CATALOG: Final = TESTS.parent / "docs" / "security-cases.md"
_HEAD: Final = """\
# Where each case is covered

`python -m tests.security.index` writes this page from the tests' marks, such as
`@pytest.mark.case(15)`. [The catalog](../../docs/security-cases.md) says what each case is.
`.venv/bin/python -m pytest --case 15` runs the tests of case 15. The files are relative to
`tests/`.

| Case | Tests |
|---:|---|
"""


def catalog() -> list[int]:
    """The cases that the catalog describes, in its order."""
    numbers = re.findall(r"^\| (\d+) \| .+ \| .+ \|$", _CATALOG.read_text(), re.MULTILINE)
    return [int(number) for number in numbers]


@cache
def covered() -> dict[int, list[str]]:
    """The files that hold tests of each case."""
    found: defaultdict[int, set[str]] = defaultdict(set)
    for path in sorted(TESTS.glob("**/test_*.py")):
        file = path.relative_to(TESTS).as_posix()
        for node in ast.walk(ast.parse(path.read_text())):
            for case in _marks(node):
                found[case].add(file)
    return {case: sorted(files) for case, files in sorted(found.items())}


def _marks(node: ast.AST) -> list[int]:
    """The cases that the marks of a test function name."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return []
    return [
        ast.literal_eval(argument)
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.case"
        for argument in decorator.args
    ]


def page() -> str:
    """INDEX.md as it should be."""
    return _HEAD + "".join(
        f"| {case} | {', '.join(f'`{file}`' for file in files)} |\n"
        for case, files in covered().items()
    )


if __name__ == "__main__":
    INDEX.write_text(page())
