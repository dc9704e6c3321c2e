"""Reads the JSON documents that a provider sends. Every member of every document is read here.

- A member that is null, an empty text or an empty list counts as absent.
- Only members that are read are judged. Any other member may hold anything.
- ``unsigned_document`` is lenient and ``signed_document`` is strict. They differ in nothing else.
"""

import codecs
import json
import re
from collections.abc import Iterable
from contextlib import suppress
from encodings.aliases import aliases
from typing import Any, Final, final

from adapters.va_oauth.bounded_http import Reply
from application.errors import UpstreamRejectedError
from application.strict_json import NotStrictJSONError, members_of

#: A text that can be encoded. JSON can contain half of a surrogate pair, and bytes that don't fit
#: the charset are decoded to such halves.
_READABLE: Final = re.compile(r"[^\ud800-\udfff]+")
_NUMBER: Final = re.compile(r"[0-9]{1,15}(\.[0-9]{1,15})?", re.ASCII)
#: Python refuses to parse more than 4,300.
_MAX_DIGITS: Final = 4_000
#: What counts as absent.
_EMPTY: Final[tuple[object, ...]] = (None, "", [])
#: The value of a member that can't be read.
_UNREADABLE: Final = object()

#: Labels of Latin text. Browsers read all of them as windows-1252, and so do we.
_LATIN: Final = frozenset({"ascii", "latin_1", "cp1252"})
#: The others, of which UTF is recognized without a label. It is a closed list, because Python
#: remembers every name that is looked up.
_LEGACY: Final = frozenset(
    name for name in {*aliases.values(), "koi8_u"} - _LATIN if not name.startswith("utf")
)


@final
class Document:
    """The members of a JSON object.

    Args:
        members: The members as parsed.
        reason: The reason of the error if a member isn't acceptable. ``{}`` stands for its name.
        is_signed: Whether a signature protects it.
    """

    __slots__ = ("_is_signed", "_members", "_reason")

    def __init__(self, members: dict[str, Any], *, reason: str, is_signed: bool = False) -> None:
        self._members = members
        self._reason = reason
        self._is_signed = is_signed

    def unacceptable(self, name: str) -> UpstreamRejectedError:
        """Returns the error for a member that isn't acceptable."""
        return UpstreamRejectedError(self._reason.format(name))

    def mentions(self, name: str) -> bool:
        """Whether the member is present, even if it is empty."""
        return self._members.get(name) is not None

    def said(self, name: str) -> Any:
        """Returns the member's value of any type, or None if it is absent.

        Raises:
            UpstreamRejectedError: It can't be read. For instance, it appears twice and differs.
        """
        value = self._members.get(name)
        if value is _UNREADABLE:
            raise self.unacceptable(name)
        return None if value in _EMPTY else value

    def text(self, name: str, pattern: re.Pattern[str] = _READABLE) -> str | None:
        """Returns the member, or None if it is absent.

        Raises:
            UpstreamRejectedError: It isn't a text, or doesn't match the pattern.
        """
        value = self.said(name)
        if value is not None and not (isinstance(value, str) and pattern.fullmatch(value)):
            raise self.unacceptable(name)
        return value

    def readable_text(self, name: str) -> str | None:
        """Returns the member, or None if it is absent or isn't a readable text."""
        with suppress(UpstreamRejectedError):
            return self.text(name)
        return None

    def texts(self, name: str) -> tuple[str, ...]:
        """Returns a list of texts. A single text counts as a list of one.

        Raises:
            UpstreamRejectedError: It is neither, or one of the texts can't be read.
        """
        value = self.said(name)
        values = value if isinstance(value, list) else [value]
        values = [each for each in values if each not in _EMPTY]
        if not all(isinstance(each, str) and _READABLE.fullmatch(each) for each in values):
            raise self.unacceptable(name)
        return tuple(values)

    def number(self, name: str, *, at_most: int) -> float | None:
        """Returns a number from zero to ``at_most``, or None if it is absent.

        Raises:
            UpstreamRejectedError: It isn't such a number.
        """
        value = self.said(name)
        if not self._is_signed and isinstance(value, str) and _NUMBER.fullmatch(value):
            value = float(value)
        if value is None:
            return None
        # In Python, a bool is an int.
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 0 <= value <= at_most:
            raise self.unacceptable(name)
        return float(value)

    def nested(self, name: str) -> "Document | None":
        """Returns the member if it is an object."""
        value = self.said(name)
        return self._inner(value) if isinstance(value, dict) else None

    def nested_list(self, name: str) -> "list[Document]":
        """Returns the objects in a list. If it isn't a list, there are none."""
        value = self.said(name)
        values = value if isinstance(value, list) else []
        return [self._inner(each) for each in values if isinstance(each, dict)]

    def _inner(self, members: dict[str, Any]) -> "Document":
        return Document(members, reason=self._reason, is_signed=self._is_signed)


def unsigned_document(reply: Reply, *, reason: str, whole: str = "document") -> Document:
    """Reads an answer that only TLS protects, so that no signature depends on its bytes.

    It may have any charset, a byte order mark, and raw control characters. A member may repeat the
    same value. What can't be read (a repeated member with another value, NaN, a huge number) is
    refused only if it is read. A number may be written as a text.

    Args:
        reply: The answer.
        reason: The reason of the error if a member isn't acceptable. ``{}`` stands for its name.
        whole: What ``{}`` stands for if the document isn't acceptable as a whole.

    Raises:
        UpstreamRejectedError: It isn't a JSON object, or the body could not be read.
    """
    if reply.fault is not None:
        raise UpstreamRejectedError(reply.fault)
    try:
        members = _LENIENT.decode(_decoded(reply))
    except (ValueError, RecursionError) as error:
        raise UpstreamRejectedError(reason.format(whole)) from error
    if not isinstance(members, dict):
        raise UpstreamRejectedError(reason.format(whole))
    return Document(members, reason=reason)


def signed_document(text: bytes, *, reason: str, whole: str = "document") -> Document:
    """Reads a header or the claims of a JWS, which two parsers must not read differently.

    It must be UTF-8 without a byte order mark. No member may appear twice, not even one that
    nobody reads. There are no NaN and no infinite numbers. A number isn't a text.

    Raises:
        UpstreamRejectedError: It isn't such an object.
    """
    try:
        members = members_of(text)
    except NotStrictJSONError as error:
        raise UpstreamRejectedError(reason.format(whole)) from error
    return Document(members, reason=reason, is_signed=True)


def _decoded(reply: Reply) -> str:
    body = reply.body
    if b"\0" in body[:4] or body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        # UTF-16 or UTF-32 (RFC 4627, section 3).
        return body.decode(json.detect_encoding(body), "surrogatepass")
    label = re.sub(r"\W+", "_", (reply.charset or "").lower()).strip("_")
    # Names from before a charset was registered, such as x-sjis.
    label = label.removeprefix("x_")
    charset = aliases.get(label, label)
    # A name in the list may belong to a codec that isn't for text, which is a LookupError.
    with suppress(UnicodeError, LookupError):
        # Servers put a Latin label on UTF-8, too. Latin text is hardly ever valid UTF-8.
        return body.decode(charset if charset in _LEGACY else "utf-8-sig")
    return body.decode("cp1252" if charset in _LATIN else "utf-8", "surrogateescape")


def _merged(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if (said := members.get(name)) in _EMPTY:
            members[name] = value
        elif value not in _EMPTY and value != said:
            members[name] = _UNREADABLE
    return members


def _integer(digits: str) -> Any:
    return int(digits) if len(digits) <= _MAX_DIGITS else _UNREADABLE


def _unreadable(_constant: str) -> Any:
    return _UNREADABLE


_LENIENT: Final = json.JSONDecoder(
    object_pairs_hook=_merged, parse_int=_integer, parse_constant=_unreadable, strict=False
)
