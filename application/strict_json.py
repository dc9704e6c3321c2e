"""JSON as strict as it has to be where a signature or a token hangs on it."""

import json
from typing import Any, NoReturn


class NotStrictJSONError(ValueError):
    """Not a JSON object, or one that two readers could read differently."""


def object_of(text: bytes) -> dict[str, Any]:
    """Parse a JSON object: UTF-8, no name twice, no NaN or Infinity, no lone surrogate.

    Raises:
        NotStrictJSONError: It is not such an object.
    """
    try:
        parsed = json.loads(
            text.decode(), object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite
        )
        # A lone surrogate survives the parser and would fail only where the text is used.
        json.dumps(parsed, ensure_ascii=False).encode()
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
    if number in {float("inf"), float("-inf")}:
        raise NotStrictJSONError
    return number
