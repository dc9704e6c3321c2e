"""Strict reading of query parameters."""

from collections.abc import Iterable
from urllib.parse import unquote_to_bytes


class MalformedParametersError(ValueError):
    """A parameter appears twice, or isn't clean text."""


def single_values(query: str, names: Iterable[str]) -> dict[str, str]:
    """Returns the named parameters of a query string, each at most once, and ignores others.

    A parameter that isn't named has no effect, whatever its bytes are and however often it comes.

    Args:
        query: The query string, one character for each byte.
        names: The parameters to return.

    Raises:
        MalformedParametersError: A named one appears twice, isn't UTF-8, or contains a character
            that can't be printed.
    """
    values = single_texts(query, names)
    if not all(value.isprintable() for value in values.values()):
        raise MalformedParametersError
    return values


def single_texts(query: str, names: Iterable[str]) -> dict[str, str]:
    """Returns the same, but accepts every character.

    Raises:
        MalformedParametersError: A named one appears twice, or isn't UTF-8.
    """
    wanted = set(names)
    values: dict[str, str] = {}
    for pair in query.split("&"):
        encoded_name, _, encoded_value = pair.partition("=")
        name = _decoded(encoded_name)
        if name not in wanted:
            continue
        value = _decoded(encoded_value)
        if value is None or name in values:
            raise MalformedParametersError
        values[name] = value
    return values


def _decoded(encoded: str) -> str | None:
    """Returns the text, or None if its bytes aren't UTF-8.

    Source: WHATWG URL Standard, section 5.1 (application/x-www-form-urlencoded).
    """
    try:
        return unquote_to_bytes(encoded.replace("+", " ").encode("latin-1")).decode()
    except UnicodeError:
        return None
