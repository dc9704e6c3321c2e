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
