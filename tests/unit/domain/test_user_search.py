"""What a text looks for."""

from uuid import UUID

import pytest

from domain.errors import InvalidUserSearchError
from domain.identifiers import ICN
from domain.user_search import (
    ByEmail,
    ByICN,
    ById,
    ByName,
    ByReference,
    NamePrefix,
    parse_user_search,
)

ID = "8f5f5a4e-6a0e-4d3f-9a57-5b8b3f0c2d11"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (ID, ById(UUID(ID))),
        (f" {ID.upper()}\n", ById(UUID(ID))),
        ("1012667145V762142", ByICN(ICN("1012667145V762142"))),
        ("1012667145v762142", ByICN(ICN("1012667145V762142"))),
        ("0123456789ab-7f", ByReference("0123456789ab-7f")),
        ("0123456789AB-7F", ByReference("0123456789ab-7f")),
        ("Tamara@Veterans.example", ByEmail("Tamara@Veterans.example")),
        ("ellis, tamara", ByName((NamePrefix(first="tamara", last="ellis"),))),
        ("Ellis,", ByName((NamePrefix(last="Ellis"),))),
        (",Tamara", ByName((NamePrefix(first="Tamara"),))),
        ("Ellis, Jr., Tamara", ByName((NamePrefix(first="Jr., Tamara", last="Ellis"),))),
        ("deadbeef", ByName((NamePrefix(last="deadbeef"), NamePrefix(first="deadbeef")))),
        # Neither an ICN nor a reference, though nearly.
        (
            "1012667145V76214",
            ByName(
                (NamePrefix(last="1012667145V76214"),) * 1 + (NamePrefix(first="1012667145V76214"),)
            ),
        ),
    ],
)
def test_a_text_says_by_its_form_what_it_is(text: str, wanted: object) -> None:
    assert parse_user_search(text) == wanted


def test_words_without_a_comma_may_be_split_anywhere_and_come_in_any_order() -> None:
    wanted = parse_user_search("mary  ann smith")
    assert isinstance(wanted, ByName)
    assert set(wanted.prefixes) == {
        NamePrefix(first="mary", last="ann smith"),
        NamePrefix(first="mary ann", last="smith"),
        NamePrefix(first="ann smith", last="mary"),
        NamePrefix(first="smith", last="mary ann"),
        NamePrefix(first="mary ann smith"),
        NamePrefix(last="mary ann smith"),
    }


@pytest.mark.parametrize(
    "text", ["", "   ", ",", " , ", "\u0301", "\u200d", "a\x00b", "a\x1bb", "x" * 321, "a " * 9]
)
def test_what_cannot_be_looked_for_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(InvalidUserSearchError) as refused:
        parse_user_search(text)
    assert len(text.strip()) < 3 or text.strip() not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (" ", "must have 1 to 320 characters"),
        ("x" * 321, "must have 1 to 320 characters"),
        ("a\x1fb", "must not have control characters"),
        ("a\x7fb", "must not have control characters"),
        (",", "must have a letter"),
        ("a " * 9, "must have at most 8 words"),
    ],
)
def test_a_refusal_says_what_is_wrong(text: str, fault: str) -> None:
    with pytest.raises(InvalidUserSearchError) as refused:
        parse_user_search(text)
    assert str(refused.value) == fault


@pytest.mark.parametrize("text", [f" {'x' * 320} ", "a " * 8, "X" * 3 + " y", "XX\x80XX"])
def test_a_name_may_be_as_long_as_that(text: str) -> None:
    assert isinstance(parse_user_search(text), ByName)


@pytest.mark.parametrize(
    ("text", "is_part"),
    [
        ("0123ab", True),
        ("0123AB", True),
        ("0123456789ab-", True),
        ("0123a", False),
        ("0123ag", False),
    ],
)
def test_a_name_may_also_be_a_part_of_a_reference(text: str, *, is_part: bool) -> None:
    wanted = parse_user_search(text)
    assert isinstance(wanted, ByName)
    assert wanted.is_part_of_reference is is_part
