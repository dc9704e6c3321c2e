"""What an operator may look a user up by."""

import re
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from domain.errors import InvalidICNError, InvalidUserSearchError
from domain.identifiers import ICN
from domain.text_folding import folded

_REFERENCE: Final = re.compile(r"[0-9a-f]{12}-[0-9a-f]{1,16}", re.ASCII)
_PART_OF_REFERENCE: Final = re.compile(r"[0-9a-f]{6,12}(-[0-9a-f]*)?", re.ASCII)
_MAX_CHARACTERS: Final = 320
_MAX_WORDS: Final = 8


@dataclass(frozen=True, slots=True)
class ById:
    """A user's id, or a session's."""

    id: UUID


@dataclass(frozen=True, slots=True)
class ByICN:
    """VA's identifier of the person."""

    icn: ICN


@dataclass(frozen=True, slots=True)
class ByEmail:
    """The whole e-mail address, in any case."""

    email: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ByReference:
    """The reference that an error page showed: the id of the request."""

    reference: str


@dataclass(frozen=True, slots=True)
class NamePrefix:
    """What a first name and a last name begin with, in any case. An empty one fits any name."""

    first: str = field(default="", repr=False)
    last: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ByName:
    """Names that begin in one of several ways, because a text doesn't say where names end.

    Attributes:
        is_part_of_reference: Whether the text could also be a part of a reference.
    """

    prefixes: tuple[NamePrefix, ...]
    is_part_of_reference: bool = field(default=False, compare=False)


UserSearch = ById | ByICN | ByEmail | ByReference | ByName


def parse_user_search(text: str) -> UserSearch:
    """Returns what a text looks for, by its form.

    A name is the beginning of a first name or a last name, of both ("first last"), or of both the
    other way around ("last, first").

    Raises:
        InvalidUserSearchError: The text is empty, too long, or has characters that no name has.
    """
    wanted = text.strip()
    if not wanted or len(wanted) > _MAX_CHARACTERS:
        raise InvalidUserSearchError(f"must have 1 to {_MAX_CHARACTERS} characters")
    if any(each < " " or each == "\x7f" for each in wanted):
        raise InvalidUserSearchError("must not have control characters")
    try:
        return ById(UUID(wanted))
    except ValueError:
        pass
    try:
        return ByICN(ICN(wanted.upper()))
    except InvalidICNError:
        pass
    if is_reference(wanted.lower()):
        return ByReference(wanted.lower())
    if "@" in wanted:
        return ByEmail(wanted)
    is_part = _PART_OF_REFERENCE.fullmatch(wanted.lower()) is not None
    return ByName(_prefixes(wanted), is_part_of_reference=is_part)


def is_reference(text: str) -> bool:
    """Whether a text is a whole reference of an error page: the id of a request."""
    return _REFERENCE.fullmatch(text) is not None


def _prefixes(text: str) -> tuple[NamePrefix, ...]:
    if not folded(text.replace(",", "")):
        raise InvalidUserSearchError("must have a letter")
    if "," in text:
        last, _, first = text.partition(",")
        return (NamePrefix(first=first.strip(), last=last.strip()),)
    words = text.split()
    if len(words) > _MAX_WORDS:
        raise InvalidUserSearchError(f"must have at most {_MAX_WORDS} words")
    whole = " ".join(words)
    splits = [(" ".join(words[:at]), " ".join(words[at:])) for at in range(1, len(words))]
    return (
        *(NamePrefix(first=one, last=other) for one, other in splits),
        *(NamePrefix(first=other, last=one) for one, other in splits),
        NamePrefix(last=whole),
        NamePrefix(first=whole),
    )
