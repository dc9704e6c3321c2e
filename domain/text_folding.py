"""The form in which names and e-mail addresses are compared: without case and without accents."""

import re
import unicodedata
from functools import cache
from typing import Final

# Latin, Greek, Cyrillic and Armenian. Letters with accents are taken apart before.
_LETTERS: Final = (*range(0x80, 0x590), *range(0x2C60, 0x2C80))
_MARKS: Final = re.compile("[\u0300-\u036f]")
_SPACES: Final = re.compile(" +")
#: What comes after isn't compared, because the entry of an index has a limit.
COMPARED: Final = 200
_LIKE_LATIN: Final = {
    "\u1e9e": "\u00df",  # capital sharp s
    "\u03c2": "\u03c3",  # final sigma
    "\u0131": "i",  # dotless i
    "\u00f8": "o",
    "\u00d8": "o",
    "\u0142": "l",
    "\u0141": "l",
    "\u0111": "d",
    "\u0110": "d",
    "\u00f0": "d",
    "\u00d0": "d",
    "\u0127": "h",
    "\u0126": "h",
}
_PUNCTUATION: Final = dict.fromkeys("\u2018\u2019\u02bb\u02bc", "'") | dict.fromkeys(
    "\u2010\u2012\u2013\u2014\u2212", "-"
)
#: Characters that nobody sees: joiners, soft hyphens, and spaces without width.
UNSEEN: Final = "\u00ad\u200b\u200c\u200d\u2060\ufeff"
#: Letters that become two, after everything else.
PAIRS: Final = {"\u00df": "ss", "\u00e6": "ae", "\u0153": "oe", "\u00fe": "th"}


def _lower_case() -> dict[str, str]:
    letters = [chr(point) for point in _LETTERS]
    return {
        letter: lower
        for letter in letters
        if unicodedata.normalize("NFKD", letter) == letter
        and len(lower := letter.lower()) == 1
        and lower != letter
    }


def replaced() -> dict[str, str]:
    """Returns what each character becomes, if it isn't an ASCII letter."""
    return _lower_case() | _LIKE_LATIN | _PUNCTUATION


@cache
def _table() -> dict[int, str]:
    # Made for the first search: a server process needs none.
    return str.maketrans(replaced() | dict.fromkeys(UNSEEN, ""))


def folded(text: str) -> str:
    """Returns the text in lower case, without accents, and with single spaces.

    The database has the same rule, so that its indexes can be used (``vetassist_folded``).
    """
    plain = text
    if not plain.isascii():
        plain = _MARKS.sub("", unicodedata.normalize("NFKD", plain)).translate(_table())
        for letter, pair in PAIRS.items():
            plain = plain.replace(letter, pair)
    lower = "".join(each.lower() if each.isascii() else each for each in plain)
    return _SPACES.sub(" ", lower).strip(" ")[:COMPARED]
