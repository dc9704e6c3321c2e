"""Every case has a test, and INDEX.md names the tests."""

from typing import Final

from tests.security.index import INDEX, catalog, covered, page

CASES: Final = 102


def test_the_catalog_describes_every_case_once_and_in_order() -> None:
    assert catalog() == list(range(1, CASES + 1))


def test_every_case_has_a_test_and_every_mark_names_a_case() -> None:
    assert list(covered()) == catalog()


def test_the_index_is_up_to_date() -> None:
    assert INDEX.read_text() == page(), "run `.venv/bin/python -m tests.security.index`"
