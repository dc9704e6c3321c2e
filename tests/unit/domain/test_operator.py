"""Operators: their names, their reasons and their roles."""

from hashlib import sha256

import pytest

from domain.errors import InvalidOperatorError, InvalidReasonError
from domain.operator import OperatorRole, operator_name, operator_name_of, parse_reason, role_in


@pytest.mark.parametrize("text", ["lost_device", "a", "ticket-4711.b"])
def test_a_reason_is_a_short_code(text: str) -> None:
    assert parse_reason(text) == text


@pytest.mark.parametrize("text", ["", "Lost", "lost device", "pat@example.org", "x" * 999, "a\n"])
def test_any_other_reason_is_refused_with_what_it_may_be(text: str) -> None:
    with pytest.raises(InvalidReasonError) as refused:
        parse_reason(text)
    assert str(refused.value) == (
        "must be a short code, such as `lost_device`: a-z, 0-9, `_`, `.` and `-`"
    )


def test_a_name_is_one_word_and_another_is_refused_with_what_it_may_be() -> None:
    assert operator_name("casey@example.org") == "casey@example.org"
    with pytest.raises(InvalidOperatorError) as refused:
        operator_name("two words")
    assert str(refused.value) == "must be one word of up to 64 letters, digits and ._@+-"


def test_a_subject_that_is_no_name_is_named_by_its_digest() -> None:
    assert operator_name_of("casey") == "casey"
    digest = sha256(b"two words").hexdigest()
    name = operator_name_of("two words")
    assert name.startswith("sub.")
    assert digest.startswith(name.removeprefix("sub."))
    assert len(name) > 20


def test_the_most_powerful_role_counts() -> None:
    names = [role.value for role in OperatorRole]
    assert role_in([]) is None
    assert role_in(["nobody"]) is None
    assert role_in(reversed(names)) is list(OperatorRole)[-1]
    for name in names:
        assert role_in(["nobody", name]) is OperatorRole(name)
