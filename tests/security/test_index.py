"""INDEX.md tells the truth about which case is covered where."""

import re
from typing import Final

import pytest

from tests.security.index import NOT_YET, REFERENCE, TESTS, cases_by_file, names_by_file, rows

CASES: Final = 102


def test_every_case_has_one_row_in_order() -> None:
    assert [case for case, _ in rows()] == list(range(1, CASES + 1))


def test_the_catalog_describes_every_case_once_and_in_order() -> None:
    catalog = (TESTS.parent / "docs" / "security-cases.md").read_text()
    described = re.findall(r"^\| (\d+) \| .+ \| .+ \|$", catalog, re.MULTILINE)
    assert [int(case) for case in described] == list(range(1, CASES + 1))


def test_every_row_names_a_test_or_says_why_not() -> None:
    for case, where in rows():
        has_reason = where == NOT_YET or where.startswith("does not apply: ")
        assert bool(REFERENCE.search(where)) != has_reason, f"case {case}: {where}"


def test_every_file_and_test_that_a_row_names_is_there() -> None:
    for case, where in rows():
        for file, name in REFERENCE.findall(where):
            assert file in names_by_file(), f"case {case}: there is no {file}"
            if name:
                assert name in names_by_file()[file], f"case {case}: {file} has no {name}"
            else:
                assert case in cases_by_file()[file], f"case {case}: {file} has no such test"


@pytest.mark.parametrize("file", sorted(file for file, cases in cases_by_file().items() if cases))
def test_every_case_that_a_test_names_stands_in_its_row(file: str) -> None:
    named = dict(rows())
    missing = {case for case in cases_by_file()[file] if f"`{file}" not in named.get(case, "")}

    assert not missing, f"run `python -m tests.security.index`: rows {sorted(missing)} lack {file}"
