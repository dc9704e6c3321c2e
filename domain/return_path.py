"""Where in our own front end a sign-in leads back to."""

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

    It is judged as written and as any decoder downstream may come to read it, so
    an encoded `//host`, backslash or control character is refused like a plain one.
    Source: RFC 9700, section 4.11 (open redirectors).

    Raises:
        InvalidReturnPathError: Not such a path.
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
        # Encoded more often than any honest link is.
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
