"""How names and e-mail addresses are compared."""

from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.text_folding import COMPARED, PAIRS, UNSEEN, folded, replaced


@given(st.text(st.characters(codec="utf-8")))
def test_folding_twice_is_folding_once_and_case_does_not_matter(text: str) -> None:
    once = folded(text)
    assert folded(once) == once
    assert len(once) <= COMPARED
    assert once == once.strip(" ")


@given(st.text(st.characters(max_codepoint=0x24F, codec="utf-8"), max_size=50))
def test_the_case_of_latin_letters_does_not_matter(text: str) -> None:
    assert folded(text.title()) == folded(text.title().swapcase())


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("", ""),
        ("  Tamara \u00a0 ELLIS ", "tamara ellis"),
        ("Mun\u0303oz", "munoz"),
        ("STRASSE", "strasse"),
        ("stra\u00dfe", "strasse"),
        ("O\u2019Brien", "o'brien"),
        ("a\u200d\u00adb", "ab"),
        ("%_\\", "%_\\"),
        # As the database does, only spaces are taken away.
        (" \tellis\t ", "\tellis\t"),
        # Beyond the letters that the database knows too.
        ("\U00010400", "\U00010400"),
        ("x" * 500, "x" * COMPARED),
    ],
)
def test_what_a_text_becomes(text: str, plain: str) -> None:
    assert folded(text) == plain


def test_the_database_replaces_the_same_characters() -> None:
    step = files("adapters.postgres").joinpath("schema", "0018_user_records.sql").read_text("utf-8")
    body = step.partition("translate(")[2].partition("END COLLATE")[0]
    literals = "".join(body.replace("''", "\0").split("'")[1::2]).replace("\0", "'")
    letters = "".join(letter for letter in replaced())
    lower = "".join(replaced().values())
    unseen = "".join(f"\\{ord(each):04X}" for each in UNSEEN)
    pairs = "".join(letter + pair for letter, pair in PAIRS.items())
    # The marks, what is replaced, what is removed, what it becomes, and what becomes two letters.
    assert literals == f"[\\u0300-\\u036f]g{letters}{unseen}{lower}{pairs}"
