"""Where a sign-in may lead back to: nowhere but our own front end."""

from collections.abc import Iterator
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.errors import InvalidReturnPathError
from domain.return_path import ReturnPath

ORIGIN = "https://vetassist.example"


def whatwg_origin(reference: str, base: str = ORIGIN) -> str:
    """The origin a browser resolves a reference to.

    Source: WHATWG URL, section 4.4, as far as it concerns special schemes.
    """
    stripped = reference.strip("".join(map(chr, range(0x21))))
    text = "".join(character for character in stripped if character not in "\t\n\r")
    scheme, colon, rest = text.partition(":")
    if colon and scheme.isascii() and scheme[:1].isalpha() and _is_scheme(scheme):
        if scheme.lower() not in {"http", "https"}:
            return f"{scheme.lower()}:"
        if scheme.lower() != urlsplit(base).scheme or rest.replace("\\", "/").startswith("/"):
            return f"{scheme.lower()}://{_authority(rest)}"
        text = rest
    text = text.replace("\\", "/")
    if text.startswith("//"):
        return f"{urlsplit(base).scheme}://{_authority(text)}"
    return base


def _is_scheme(text: str) -> bool:
    return all(character.isalnum() or character in "+-." for character in text)


def _authority(text: str) -> str:
    return text.replace("\\", "/").lstrip("/").split("/")[0].split("?")[0].split("#")[0]


def readings(value: str) -> Iterator[str]:
    """The value as written, and as it reads after each further decoding."""
    while True:
        yield value
        decoded = unquote(value, errors="replace")
        if decoded == value:
            return
        value = decoded


def is_accepted(value: str) -> bool:
    try:
        ReturnPath(value)
    except InvalidReturnPathError:
        return False
    return True


PIECES = [
    *("/", "/", "/", "//", "\\", ".", "..", "...", "@", ":", "?", "#", ";", "&", "=", "%", "+"),
    *("%2f", "%2F", "%5c", "%5C", "%252f", "%25", "%2e", "%2e%2e", "%40", "%3a", "%3f", "%23"),
    *("%00", "%09", "%0a", "%0d", "%85", "%c2%85", "%ff", "%e3%80%82", "%ef%bc%8f", "%7f"),
    *("\t", "\n", "\r", "\0", " ", "\x85", "\u2028", "。", "／", "\ufeff"),  # noqa: RUF001 - the point
    *("a", "claims", "evil.example", "https:", "https://", "javascript:", "data:", "//evil"),
]
wild = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)
rooted = wild.map(lambda text: "/" + text)


@settings(max_examples=1000)
@given(value=st.one_of(rooted, wild, st.text(max_size=40)))
@example("/")
@example("/claims/42?tab=open&next=%2Fhome#newest")
@example("/%2525252f/evil.example")
def test_case_2_nothing_accepted_leads_off_our_origin(value: str) -> None:
    if not is_accepted(value):
        return
    for reading in readings(value):
        assert whatwg_origin(reading) == ORIGIN
        assert whatwg_origin(ORIGIN + reading) == ORIGIN
        assert urljoin(ORIGIN, reading).startswith(f"{ORIGIN}/")
        assert urlsplit(ORIGIN + reading).netloc == urlsplit(ORIGIN).netloc
        assert not any(character < " " or character == "\x7f" for character in reading)
        path = reading.partition("?")[0].partition("#")[0]
        assert not {".", ".."} & set(path.split("/"))


@pytest.mark.parametrize(
    "value",
    [
        "/",
        "/claims",
        "/claims/42/",
        "/claims?tab=open",
        "/claims?a=1&b=2#newest",
        "/a-b_c.d~e",
        "/search?q=caf%C3%A9",
        "/next?to=%2Fclaims",
        "/next?to=https://vetassist.example/claims",
        "/.well-known/x",
        "/..well",
        "/" + "a" * 511,
    ],
)
def test_a_local_path_is_accepted_as_it_is(value: str) -> None:
    assert ReturnPath(value).value == value


@pytest.mark.parametrize(
    "value",
    [
        "",
        "claims",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\evil.example",
        "\\\\evil.example",
        "https:evil.example",
        "https://evil.example",
        "HTTPS://evil.example/",
        "javascript:alert(1)",
        "data:text/html,x",
        "@evil.example",
        ".evil.example",
        ":443/claims",
        "?to=/claims",
        "#/claims",
        " /claims",
        "/claims ",
        "\t//evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/claims\r\nSet-Cookie: a=b",
        "/claims\0",
        "/%2fevil.example",
        "/%2Fevil.example",
        "/%5cevil.example",
        "/%252fevil.example",
        "/%25252fevil.example",
        "/%09/evil.example",
        "/claims%0d%0aSet-Cookie:%20a=b",
        "/claims?x=%0d%0a",
        "/claims%00",
        "/a//evil.example",
        "/./claims",
        "/../claims",
        "/claims/..",
        "/%2e%2e/claims",
        "/claims/%2e",
        "/%25252525252525252541",
        "/caf\xe9",
        "/\u2028",
        "/\uff0fevil.example",
        "/" + "a" * 512,
    ],
)
def test_case_2_anything_else_is_refused_without_being_repeated(value: str) -> None:
    with pytest.raises(InvalidReturnPathError) as refused:
        ReturnPath(value)

    assert str(refused.value) == ""


@pytest.mark.parametrize(
    ("reference", "origin"),
    [
        ("//evil.example/", "https://evil.example"),
        ("/\\evil.example", "https://evil.example"),
        ("\t/\n/evil.example", "https://evil.example"),
        ("https:evil.example", ORIGIN),
        ("http:evil.example", "http://evil.example"),
        ("javascript:alert(1)", "javascript:"),
        ("/claims:42", ORIGIN),
    ],
)
def test_the_reading_that_paths_are_judged_by_is_a_browsers(reference: str, origin: str) -> None:
    assert whatwg_origin(reference) == origin
