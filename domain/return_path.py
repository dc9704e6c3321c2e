"""The page of our own front end that a sign-in returns to."""

import re
import string
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import quote, unquote

from domain.errors import InvalidReturnPathError

#: In canonical form.
MAX_CHARACTERS: Final = 2048
_MAX_ENCODINGS: Final = 5
_PRINTABLE: Final = string.ascii_letters + string.digits + string.punctuation


def _all_but(encoded: str) -> str:
    return "".join(character for character in _PRINTABLE if character not in encoded)


# What a browser leaves as it is in each part of a URL. Source: WHATWG URL Standard, section 1.3.
_PATH_SAFE: Final = _all_but('"#<>?^`{}')
_QUERY_SAFE: Final = _all_but("\"#'<>")
_FRAGMENT_SAFE: Final = _all_but('"<>`')
_DOT: Final = re.compile(r"\.|%2e", re.IGNORECASE)
_DOT_DOT: Final = re.compile(r"(\.|%2e){2}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ReturnPath:
    """A path with an optional query and fragment, on the front end's own origin.

    The value is in canonical form: as a browser shows it in its address bar. It is checked as
    written and as any component downstream may decode it, so an encoded `//host`, backslash or
    control character is refused like a plain one.
    Source: RFC 9700, section 4.11 (open redirectors).

    Raises:
        InvalidReturnPathError: The value isn't such a path, or isn't in canonical form.
    """

    value: str

    def __post_init__(self) -> None:
        if _canonical(self.value) != self.value:
            raise InvalidReturnPathError

    @classmethod
    def parse(cls, text: str) -> Self:
        """Brings a path to canonical form, as a browser does with a link.

        Raises:
            InvalidReturnPathError: It leads elsewhere, or could be taken for something that does.
        """
        return cls(_canonical(text))


def _canonical(text: str) -> str:
    rest, has_fragment, fragment = text.strip(" ").partition("#")
    path, has_query, query = rest.partition("?")
    # A browser takes a backslash for a slash, and drops tabs and line breaks.
    is_rooted = path.startswith("/") and not path.startswith("//")
    if not is_rooted or "\\" in text or _has_controls(text):
        raise InvalidReturnPathError
    try:
        canonical = (
            quote(_without_dots(path), safe=_PATH_SAFE)
            + has_query
            + quote(query, safe=_QUERY_SAFE)
            + has_fragment
            + quote(fragment, safe=_FRAGMENT_SAFE)
        )
    except UnicodeEncodeError as error:
        raise InvalidReturnPathError from error
    if len(canonical) > MAX_CHARACTERS:
        raise InvalidReturnPathError
    _refuse_foreign(canonical)
    return canonical


def _without_dots(path: str) -> str:
    """Resolves `.` and `..`, which a browser does even if they are percent-encoded."""
    segments: list[str] = []
    *folders, last = path.removeprefix("/").split("/")
    for segment in folders:
        if _DOT_DOT.fullmatch(segment):
            del segments[-1:]
        elif not _DOT.fullmatch(segment):
            segments.append(segment)
    if _DOT_DOT.fullmatch(last):
        del segments[-1:]
        last = ""
    elif _DOT.fullmatch(last):
        last = ""
    return "/" + "/".join([*segments, last])


def _refuse_foreign(canonical: str) -> None:
    reading = canonical
    for _ in range(_MAX_ENCODINGS):
        path = re.split(r"[?#]", reading)[0]
        if (
            not path.startswith("/")
            or path.startswith("//")
            or "\\" in path
            or any(segment in {".", ".."} for segment in path.split("/"))
            or _has_controls(reading)
        ):
            raise InvalidReturnPathError
        decoded = unquote(reading)
        if decoded == reading:
            return
        reading = decoded
    # No legitimate link is encoded this many times.
    raise InvalidReturnPathError


def _has_controls(text: str) -> bool:
    return any(character < " " or "\x7f" <= character < "\xa0" for character in text)
