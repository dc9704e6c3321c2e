"""Brings the message catalogues up to date with the code and the templates: `make messages`.

It adds new messages without a translation, and drops the ones that nobody uses.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from domain.va_token_use import TokenPurpose
from entrypoints.web.languages import CATALOGUES, Language

_METHODS: Final = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
_OPTIONS: Final = {"**/templates/**.html": {"trimmed": "true"}}
_KEYWORDS: Final = {"_": None, "N_": None, "gettext": None}


def extracted() -> Iterator[str]:
    """Each message of the pages, in English."""
    for _, _, message, _, _ in extract_from_dir(
        CATALOGUES.parent.parent, method_map=_METHODS, options_map=_OPTIONS, keywords=_KEYWORDS
    ):
        yield str(message)
    # The domain has no catalogues.
    for purpose in TokenPurpose:
        yield purpose.plain_name


def catalogue(language: Language) -> Catalog:
    """The stored catalogue, or an empty one."""
    path = file_of(language)
    if not path.exists():
        return Catalog(locale=language.value)
    with path.open("rb") as file:
        return read_po(file, locale=language.value)


def file_of(language: Language) -> Path:
    """Where the catalogue is stored."""
    return CATALOGUES / f"{language.value}.po"


def write(catalog: Catalog, language: Language) -> None:
    """Store a catalogue, in the order of its messages."""
    with file_of(language).open("wb") as file:
        write_po(file, catalog, width=100, omit_header=True, no_location=True, sort_output=True)


def main() -> None:
    """Update each catalogue, and say what has no translation yet."""
    for language in Language:
        if language is Language.ENGLISH:
            continue
        old = catalogue(language)
        new = Catalog(locale=language.value)
        for message in sorted(set(extracted())):
            known = old.get(message)
            new.add(message, known.string if known else "")
            if known is None or not known.string:
                print(f"{language.value}: no translation: {message}")
        write(new, language)


if __name__ == "__main__":
    main()
