"""Connection URLs, as libpq reads them."""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

_BAD_PERCENT: Final = re.compile(r"%(?!(?!00)[0-9A-Fa-f]{2})")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_MAX_PORT: Final = 65_535

_NO_URL: Final = (
    "is not a PostgreSQL connection URL: write postgresql://USER:PASSWORD@HOST/DATABASE"
)
_NOT_ENCODED: Final = (
    "has a character that must be percent-encoded, probably in its password: write %2F for /, "
    "%40 for @, %25 for %, %23 for #, %3F for ?, %3A for :, %20 for a space"
)
_BAD_KEYWORDS: Final = (
    "cannot be read as keywords and values: put a value with spaces, quotes or backslashes into "
    "single quotes"
)
_BAD_PORT: Final = (
    f"has an unusable port: it must be 1 to {_MAX_PORT}, and an IPv6 address needs brackets"
)
_BAD_PARAMETERS: Final = (
    "has a parameter that cannot be read: after the ?, write NAME=VALUE with names that libpq "
    "knows, and in a value %3D for = and %26 for &"
)
_BAD_HOST: Final = "has a host that cannot be read: an IPv6 address needs both brackets"


def connection_url_fault(text: str) -> str | None:
    """Why libpq can't connect with ``text``, a URL or keywords and values; None if it can.

    libpq takes a password that isn't encoded apart at the wrong place, without an error. It then
    quotes the pieces as the host or the port that it can't reach. The answer quotes nothing.
    """
    if text.startswith(("postgresql://", "postgres://")):
        return _url_fault(text)
    keyword, equals, _ = text.partition("=")
    if not equals or "://" in keyword:
        return _NO_URL
    try:
        parts = conninfo_to_dict(text)
    except ProgrammingError:
        return _BAD_KEYWORDS
    return None if _has_usable_port(parts) else _BAD_PORT


def url_with(database_url: str, **changes: str) -> str:
    """A URL for the same database, with these parameters instead."""
    parameters = conninfo_to_dict(database_url) | changes
    return f"postgresql:///?{urlencode(parameters, quote_via=quote)}"


def parameter_of(database_url: str, name: str) -> str | None:
    """A parameter of a connection URL that ``connection_url_fault`` accepts."""
    value = conninfo_to_dict(database_url).get(name)
    return None if value is None else str(value)


def _url_fault(url: str) -> str | None:
    if _BAD_PERCENT.search(url) or re.search(r"\s", url) or _is_torn(url):
        return _NOT_ENCODED
    try:
        parts = conninfo_to_dict(url)
    except ProgrammingError:
        return _fault_behind_password(url)
    except UnicodeDecodeError:
        # Two characters after a percent sign happen to be hex digits, but of no text.
        return _NOT_ENCODED
    if any(_CONTROL.search(str(value)) for value in parts.values()):
        return _NOT_ENCODED
    return None if _has_usable_port(parts) else _BAD_PORT


def _fault_behind_password(url: str) -> str:
    """What libpq can't read in a URL whose user name and password are where it expects them."""
    query = url.find("?", url.find("@") + 1)
    try:
        conninfo_to_dict(url if query == -1 else url[:query])
    except ProgrammingError:
        return _BAD_HOST
    return _BAD_PARAMETERS


def _is_torn(url: str) -> bool:
    """Whether a part of the user name or the password can be where libpq expects something else.

    For libpq both end at the first `@`, and a slash before it means that there are none.
    """
    authority, _, path = url.partition("://")[2].partition("/")
    return authority.count("@") > 1 or "@" in path


def _has_usable_port(parts: Mapping[str, Any]) -> bool:
    return all(_is_port(port) for port in str(parts.get("port", "")).split(","))


def _is_port(text: str) -> bool:
    return not text or (text.isdecimal() and text.isascii() and 0 < int(text[:6]) <= _MAX_PORT)
