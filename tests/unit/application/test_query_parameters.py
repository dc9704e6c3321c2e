"""Reading a query string. Of requests: tests/unit/entrypoints/web/test_parameters.py."""

import pytest

from application.query_parameters import MalformedParametersError, single_texts, single_values


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("", {}),
        ("a=1&b=2&other=3&other=%FF", {"a": "1", "b": "2"}),
        # The first `=` ends the name.
        ("a=x=y=", {"a": "x=y="}),
        ("a", {"a": ""}),
        ("%61=+%2B%C3%B1", {"a": " +\u00f1"}),
    ],
)
def test_named_parameters_are_read_and_no_others(query: str, values: dict[str, str]) -> None:
    assert single_values(query, ["a", "b"]) == values


@pytest.mark.parametrize("query", ["a=1&a=1", "a=%FF", "a=\u0100"])
def test_what_is_repeated_or_no_utf_8_is_refused(query: str) -> None:
    for read in (single_texts, single_values):
        with pytest.raises(MalformedParametersError):
            read(query, ["a"])


def test_only_texts_may_have_characters_that_cannot_be_printed() -> None:
    assert single_texts("a=%00", ["a"]) == {"a": "\0"}
    with pytest.raises(MalformedParametersError):
        single_values("a=%00", ["a"])
