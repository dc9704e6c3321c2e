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


def accepted(text: str) -> str | None:
    """The canonical form, or None if the text is refused."""
    try:
        return ReturnPath.parse(text).value
    except InvalidReturnPathError:
        return None


PIECES = [
    *("/", "/", "/", "//", "\\", ".", "..", "...", "@", ":", "?", "#", ";", "&", "=", "%", "+"),
    *("%2f", "%2F", "%5c", "%5C", "%252f", "%25", "%2e", "%2e%2e", "%40", "%3a", "%3f", "%23"),
    *("%00", "%09", "%0a", "%0d", "%85", "%c2%85", "%ff", "%e3%80%82", "%ef%bc%8f", "%7f"),
    *("\t", "\n", "\r", "\0", " ", "\x85", "\u2028", "。", "／", "\ufeff"),  # noqa: RUF001 - the point
    *("ñ", "😀", '"', "'", "<", "`", "{", "^", "\xa0", "\u200d", "\ud800", "%2e.", ".%2E"),
    *("a", "claims", "evil.example", "https:", "https://", "javascript:", "data:", "//evil"),
]
wild = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)
rooted = wild.map(lambda text: "/" + text)


@pytest.mark.case(2)
@settings(max_examples=500)
@given(value=st.one_of(rooted, wild, st.text(max_size=40)))
@example("/")
@example("/claims/42?tab=open&next=%2Fhome#newest")
@example("/%2525252f/evil.example")
@example("/.//evil.example")
@example("/a/..//evil.example")
def test_nothing_accepted_leads_off_our_origin(value: str) -> None:
    if (canonical := accepted(value)) is None:
        return
    for reading in readings(canonical):
        assert whatwg_origin(reading) == ORIGIN
        assert whatwg_origin(ORIGIN + reading) == ORIGIN
        assert urljoin(ORIGIN, reading).startswith(f"{ORIGIN}/")
        assert urlsplit(ORIGIN + reading).netloc == urlsplit(ORIGIN).netloc
        assert not any(character < " " or character == "\x7f" for character in reading)
        path = reading.partition("?")[0].partition("#")[0]
        assert not {".", ".."} & set(path.split("/"))


@settings(max_examples=500)
@given(value=st.one_of(rooted, st.text(max_size=40).map("/{}".format)))
@example("/a b")
@example("/.")
@example("/a#b#c")
def test_the_canonical_form_is_ascii_and_its_own(value: str) -> None:
    if (canonical := accepted(value)) is None:
        return
    assert all("!" <= character <= "~" for character in canonical)
    assert ReturnPath.parse(canonical).value == canonical
    assert ReturnPath(canonical).value == canonical


@pytest.mark.parametrize(
    "value",
    [
        "/",
        "/claims",
        "/claims/42/",
        "/claims?tab=open",
        "/claims?a=1&b=2#newest",
        "/a-b_c.d~e",
        "/a+b?c=d+e#f+g",
        "/a//b///c",
        "/search?q=caf%C3%A9",
        "/search?q=caf%E9",
        "/search?q=100%",
        "/next?to=%2Fclaims",
        "/next?to=%2F%2Fclaims",
        "/next?to=https://vetassist.example/claims",
        "/files?at=C%3A%5Cletters",
        "/a%2Fb",
        "/a;b,c=d:e@f!$&()*|[]",
        "/a?`{}^|",
        "/a?",
        "/a#",
        "/.well-known/x",
        "/..well",
        "/...",
        "/" + "a" * 2047,
    ],
)
def test_a_path_in_canonical_form_is_accepted_as_it_is(value: str) -> None:
    assert ReturnPath.parse(value).value == value
    assert ReturnPath(value).value == value


# What `new URL(text, origin)` says in a browser: pathname, search and hash.
@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("/claims and more", "/claims%20and%20more"),
        (" /claims ", "/claims"),
        ("/FAX ", "/FAX"),
        ("/claims\u2003", "/claims%E2%80%83"),
        ("/año/día?q=señal#año", "/a%C3%B1o/d%C3%ADa?q=se%C3%B1al#a%C3%B1o"),
        ("/\U0001f600", "/%F0%9F%98%80"),
        # A family: one emoji of three, held together by joiners.
        (
            "/?who=\U0001f468\u200d\U0001f469\u200d\U0001f467",
            "/?who=%F0%9F%91%A8%E2%80%8D%F0%9F%91%A9%E2%80%8D%F0%9F%91%A7",
        ),
        ("/Mary\xa0Ann", "/Mary%C2%A0Ann"),
        ("/山田　太郎", "/%E5%B1%B1%E7%94%B0%E3%80%80%E5%A4%AA%E9%83%8E"),
        ("/a\"b<c>d`e{f}g^h'i", "/a%22b%3Cc%3Ed%60e%7Bf%7Dg%5Eh'i"),
        ("/?a\"b<c>d`e{f}g^h'i", "/?a%22b%3Cc%3Ed`e{f}g^h%27i"),
        ("/#a\"b<c>d`e{f}g^h'i", "/#a%22b%3Cc%3Ed%60e{f}g^h'i"),
        ("/a?b?c#d#e", "/a?b?c#d#e"),
        ("/a%20b c", "/a%20b%20c"),
        ("/./claims", "/claims"),
        ("/../claims", "/claims"),
        ("/claims/..", "/"),
        ("/claims/.", "/claims/"),
        ("/a/../../claims", "/claims"),
        ("/a/b/..", "/a/"),
        ("/a/b/c/..", "/a/b/"),
        ("/%2e%2E/claims", "/claims"),
        ("/claims/.%2e/a", "/a"),
        ("/claims/%2e", "/claims/"),
        ("/a//../b", "/a/b"),
        ("/claims?back=/../a", "/claims?back=/../a"),
        ("/" + "ñ" * 341, "/" + "%C3%B1" * 341),
    ],
)
def test_another_path_is_brought_to_canonical_form(text: str, canonical: str) -> None:
    assert ReturnPath.parse(text).value == canonical
    if text != canonical:
        with pytest.raises(InvalidReturnPathError):
            ReturnPath(text)


@pytest.mark.case(2)
@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "claims",
        "//evil.example",
        " //evil.example",
        "///evil.example",
        "//..",
        "//../claims",
        "//./claims",
        "/\\evil.example",
        "\\evil.example",
        "\\\\evil.example",
        "/claims\\evil.example",
        "/claims?a=\\evil.example",
        "/claims#\\evil.example",
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
        "\t//evil.example",
        "\t/claims",
        "/\t/evil.example",
        "/\n/evil.example",
        "/claims\n",
        "/claims\r\nSet-Cookie: a=b",
        "/claims\0",
        "/claims\x7f",
        "/claims\x85",
        "/%2fevil.example",
        "/%2Fevil.example",
        "/%2F/evil.example",
        "/%5cevil.example",
        "/claims%5Cevil.example",
        "/%252fevil.example",
        "/%25252fevil.example",
        "/%09/evil.example",
        "/claims%0d%0aSet-Cookie:%20a=b",
        "/claims?x=%0d%0a",
        "/claims#%0a",
        "/claims%00",
        "/claims%c2%85",
        "/.//evil.example",
        "/a/..//evil.example",
        "/..//evil.example",
        "/%2e//evil.example",
        "/a/%2E%2E//evil.example",
        "/.%2F/evil.example",
        "/%252e%252e//evil.example",
        "/a/%252e%252e/b",
        "/%25252525252525252541",
        "/\ud800",
        "/" + "a" * 2048,
        "/" + " " * 682 + "aaa",
        "/" + "ñ" * 342,
    ],
)
def test_anything_else_is_refused_without_being_repeated(value: str) -> None:
    with pytest.raises(InvalidReturnPathError) as refused:
        ReturnPath.parse(value)

    assert str(refused.value) == ""
    with pytest.raises(InvalidReturnPathError):
        ReturnPath(value)


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
