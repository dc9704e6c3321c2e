"""A strict JSON parser, for documents that signatures or tokens depend on."""

import json
import math
from typing import Any, Final, NoReturn


class NotStrictJSONError(ValueError):
    """The text isn't a JSON object, or two parsers could read it differently."""


def object_of(text: bytes) -> dict[str, Any]:
    """Parses a JSON object: UTF-8, no duplicate names, no NaN or Infinity, no lone surrogates.

    Raises:
        NotStrictJSONError: The text isn't such an object.
    """
    members = members_of(text)
    try:
        # The parser accepts lone surrogates, which would only fail later, when the text is used.
        json.dumps(members, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise NotStrictJSONError from error
    return members


def members_of(text: bytes) -> dict[str, Any]:
    """Parses a JSON object like ``object_of``, but texts may contain lone surrogates.

    Raises:
        NotStrictJSONError: The text isn't such an object.
    """
    try:
        parsed = _STRICT.decode(text.decode())
    except (ValueError, RecursionError) as error:
        raise NotStrictJSONError from error
    if not isinstance(parsed, dict):
        raise NotStrictJSONError
    return parsed


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        raise NotStrictJSONError
    return unique


def _refuse(_constant: str) -> NoReturn:
    raise NotStrictJSONError


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise NotStrictJSONError
    return number


_STRICT: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite
)
