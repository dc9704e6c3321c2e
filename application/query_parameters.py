"""Strict reading of query parameters."""

from collections.abc import Iterable
from urllib.parse import parse_qsl

_MAX_PARAMETERS = 100


class MalformedParametersError(ValueError):
    """A parameter appears twice, or isn't clean text."""


def single_values(query: str, names: Iterable[str]) -> dict[str, str]:
    """Returns the named parameters of a query string, each at most once, and ignores others.

    Raises:
        MalformedParametersError: A named one appears twice, isn't UTF-8, or contains a control
            character. Or the query isn't ASCII, or has too many parameters.
    """
    wanted = set(names)
    values: dict[str, str] = {}
    if not query.isascii():
        raise MalformedParametersError
    try:
        pairs = parse_qsl(
            query, keep_blank_values=True, errors="strict", max_num_fields=_MAX_PARAMETERS
        )
    except ValueError as error:
        raise MalformedParametersError from error
    for name, value in pairs:
        if name not in wanted:
            continue
        if name in values or not value.isprintable():
            raise MalformedParametersError
        values[name] = value
    return values
