"""The languages of the pages, and which of them a visitor reads."""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Final, final

from starlette.requests import HTTPConnection
from starlette.responses import Response

from entrypoints.web.cookies import cookie_values

#: Turns an English message into the same message in one language.
Translate = Callable[[str], str]

CATALOGUES: Final = Path(__file__).parent / "pages" / "locale"
_NAME: Final = "vetassist_language"
_MAX_AGE_SECONDS: Final = 365 * 24 * 60 * 60
_MAX_ACCEPTED: Final = 2_000
_WEIGHT: Final = re.compile(r"q=(0(\.[0-9]{0,3})?|1(\.0{0,3})?)", re.ASCII)


class Language(StrEnum):
    """A language of the pages, by its tag (BCP 47)."""

    ENGLISH = "en"
    SPANISH = "es"

    @property
    def locale(self) -> str:
        """The tag of the locale that formats dates and numbers."""
        return f"{self.value}-US"

    @property
    def own_name(self) -> str:
        """What its speakers call it."""
        return _OWN_NAMES[self]


_OWN_NAMES: Final = {Language.ENGLISH: "English", Language.SPANISH: "Español"}


def N_(message: str) -> str:  # noqa: N802 - gettext's name for it
    """Marks a message for the catalogues, and returns it untranslated."""
    return message


def in_english(message: str) -> str:
    """Returns the message: the code has the English ones."""
    return message


def translation(language: Language) -> Translate:
    """The translation into a language. A message that has none stays in English."""
    if language is Language.ENGLISH:
        return in_english
    messages = _messages(language)
    return lambda message: messages.get(message, message)


def headers_of(language: Language) -> dict[str, str]:
    """The headers of a response in a language (RFC 9110, sections 8.5 and 12.5.5)."""
    return {"Content-Language": language.value, "Vary": "Accept-Language, Cookie"}


@lru_cache
def _messages(language: Language) -> Mapping[str, str]:
    # Imported on use: most processes never need a catalogue.
    from babel.messages.pofile import read_po  # noqa: PLC0415

    with (CATALOGUES / f"{language.value}.po").open("rb") as file:
        catalogue = read_po(file)
    return {
        message.id: message.string
        for message in catalogue
        if isinstance(message.id, str) and isinstance(message.string, str) and message.string
    }


@final
class LanguageCookie:
    """Keeps the language that a visitor chose by a link."""

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure
        self._name = ("__Host-" if secure else "") + _NAME

    def language(self, request: HTTPConnection) -> Language:
        """The chosen language, or else the best of those that the browser asks for."""
        chosen = cookie_values(request).get(self._name, [])
        if len(chosen) == 1 and chosen[0] in set(Language):
            return Language(chosen[0])
        return _accepted(",".join(request.headers.getlist("accept-language")))

    def set(self, response: Response, language: Language) -> None:
        """Keep a choice for a year."""
        response.set_cookie(
            self._name,
            language.value,
            max_age=_MAX_AGE_SECONDS,
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )


def _accepted(field: str) -> Language:
    """The language with the highest weight. What can't be read doesn't count.

    Source: RFC 9110, section 12.5.4.
    """
    best, best_weight = Language.ENGLISH, 0.0
    for part in field[:_MAX_ACCEPTED].split(","):
        tag, *parameters = (each.strip().lower() for each in part.split(";"))
        name = tag.partition("-")[0]
        weight = _weight(parameters)
        if name in set(Language) and weight > best_weight:
            best, best_weight = Language(name), weight
    return best


def _weight(parameters: list[str]) -> float:
    if not parameters:
        return 1.0
    found = _WEIGHT.fullmatch(parameters[0].replace(" ", ""))
    return float(found.group(1)) if found else 0.0
