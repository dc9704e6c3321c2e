"""Reads query parameters strictly."""

from collections.abc import Iterable
from urllib.parse import parse_qsl

from starlette.requests import Request


class MalformedParametersError(ValueError):
    """A parameter appears twice, or isn't clean text."""


def single_values(request: Request, names: Iterable[str]) -> dict[str, str]:
    """The named parameters, each at most once. Others are ignored.

    Starlette would use the last of several, and replace what is not UTF-8.

    Raises:
        MalformedParametersError: A named parameter appears twice, isn't UTF-8, or contains a
            control character.
    """
    wanted = set(names)
    values: dict[str, str] = {}
    try:
        pairs = parse_qsl(
            request.scope["query_string"].decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=100,
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
