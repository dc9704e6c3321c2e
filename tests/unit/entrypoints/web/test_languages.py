"""Which language a visitor reads, and that every message is in it."""

import re

import pytest
from starlette.requests import HTTPConnection
from starlette.responses import Response

from entrypoints.web.devices import device_name
from entrypoints.web.languages import (
    Language,
    LanguageCookie,
    headers_of,
    translation,
)
from tools.messages import catalogue, extracted

_PLACEHOLDER = re.compile(r"\{\w+\}|%\(\w+\)s|<[^>]+>")


def language_of(*, accept: str = "", cookie: str = "", secure: bool = False) -> Language:
    fields = {"accept-language": accept, "cookie": cookie}
    headers = [(name.encode(), value.encode()) for name, value in fields.items() if value]
    return LanguageCookie(secure=secure).language(
        HTTPConnection({"type": "http", "headers": headers})
    )


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("", Language.ENGLISH),
        ("es", Language.SPANISH),
        ("ES-mx", Language.SPANISH),
        ("es-US,es;q=0.9,en;q=0.8", Language.SPANISH),
        ("en-US,en;q=0.9,es;q=0.8", Language.ENGLISH),
        ("en;q=0.5, es; q=0.7", Language.SPANISH),
        ("fr-CA, es;q=0.3", Language.SPANISH),
        ("fr, de;q=0.9", Language.ENGLISH),
        ("*", Language.ENGLISH),
        ("es;q=0", Language.ENGLISH),
        ("es;q=0, en;q=0.1", Language.ENGLISH),
        ("es;q=nonsense, en;q=0.1", Language.ENGLISH),
        ("es;q=2", Language.ENGLISH),
        (", ,;q=1,es", Language.SPANISH),
        ("esperanto", Language.ENGLISH),
    ],
)
def test_the_browser_asks_for_a_language(accept: str, language: Language) -> None:
    assert language_of(accept=accept) is language


def test_a_choice_outweighs_the_browser() -> None:
    assert language_of(accept="en", cookie="vetassist_language=es") is Language.SPANISH
    assert language_of(accept="es", cookie="vetassist_language=en") is Language.ENGLISH


@pytest.mark.parametrize("value", ["", "fr", "ES", "en; vetassist_language=es"])
def test_a_cookie_that_is_no_choice_does_not_count(value: str) -> None:
    assert language_of(accept="es", cookie=f"vetassist_language={value}") is Language.SPANISH


def test_the_choice_is_kept_for_the_host_alone() -> None:
    response = Response()
    LanguageCookie(secure=True).set(response, Language.SPANISH)

    kept = response.headers["set-cookie"]
    assert kept.startswith("__Host-vetassist_language=es;")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(kept.split("; "))
    assert language_of(cookie="__Host-vetassist_language=es", secure=True) is Language.SPANISH


def test_an_answer_says_its_language_and_what_that_depends_on() -> None:
    headers = headers_of(Language.SPANISH)

    assert headers == {"Content-Language": "es", "Vary": "Accept-Language, Cookie"}


def test_devices_are_named_in_the_language() -> None:
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"

    assert device_name(firefox) == "Firefox on Linux"
    assert device_name(firefox, translation(Language.SPANISH)) == "Firefox en Linux"
    assert device_name(None, translation(Language.SPANISH)) == "Dispositivo desconocido"


LANGUAGES = [language for language in Language if language is not Language.ENGLISH]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_has_a_translation_and_no_translation_is_left_over(
    language: Language,
) -> None:
    translated = {
        str(message.id)
        for message in catalogue(language)
        if message.id and message.string and not message.fuzzy
    }
    assert translated == set(extracted())


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_the_same_markup_and_the_same_words_to_fill_in(
    language: Language,
) -> None:
    for message in filter(lambda each: each.id, catalogue(language)):
        original, translated = str(message.id), str(message.string)
        assert sorted(_PLACEHOLDER.findall(original)) == sorted(_PLACEHOLDER.findall(translated))


def test_an_unknown_message_stays_english() -> None:
    assert translation(Language.SPANISH)("A message of tomorrow") == "A message of tomorrow"
