"""The page of our own front end that a sign-in returns to."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from domain.errors import InvalidReturnPathError

_MAX_CHARACTERS: Final = 512
_PRINTABLE_ASCII: Final = re.compile(r"[\x21-\x7e]+", re.ASCII)
_MAX_ENCODINGS: Final = 5


@dataclass(frozen=True, slots=True)
class ReturnPath:
    """A path with an optional query and fragment, on the front end's own origin.

    It is checked as written and as any component downstream may decode it, so an
    encoded `//host`, backslash or control character is refused like a plain one.
    Source: RFC 9700, section 4.11 (open redirectors).

    Raises:
        InvalidReturnPathError: The value isn't such a path.
    """

    value: str

    def __post_init__(self) -> None:
        if len(self.value) > _MAX_CHARACTERS or not _PRINTABLE_ASCII.fullmatch(self.value):
            raise InvalidReturnPathError
        reading = self.value
        for _ in range(_MAX_ENCODINGS):
            _refuse_foreign(reading)
            decoded = unquote(reading, errors="replace")
            if decoded == reading:
                return
            reading = decoded
        # No legitimate link is encoded this many times.
        raise InvalidReturnPathError


def _refuse_foreign(reading: str) -> None:
    path = re.split(r"[?#]", reading, maxsplit=1)[0]
    if (
        not path.startswith("/")
        or "//" in path
        or "\\" in reading
        or any(segment in {".", ".."} for segment in path.split("/"))
        or any(character < " " or "\x7f" <= character < "\xa0" for character in reading)
    ):
        raise InvalidReturnPathError
