"""Query parameters, read strictly."""

from collections.abc import Iterable
from urllib.parse import parse_qsl

from starlette.requests import Request


class MalformedParametersError(ValueError):
    """A parameter stands twice, or is not clean text."""


def single_values(request: Request, names: Iterable[str]) -> dict[str, str]:
    """The named parameters, each at most once; others are not looked at.

    Starlette would take the last of several and patch up what is not UTF-8.

    Raises:
        MalformedParametersError: A named one stands twice, is not UTF-8, or holds a control
            character.
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
