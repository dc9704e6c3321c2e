"""docs/reference.md says what the code says."""

from docs.make_reference import DOCUMENT, reference


def test_the_reference_is_up_to_date() -> None:
    assert DOCUMENT.read_text() == reference(), "run `make reference`"
