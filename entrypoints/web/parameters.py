"""The query parameters of a request."""

from collections.abc import Iterable

from starlette.requests import HTTPConnection

from application.query_parameters import MalformedParametersError
from application.query_parameters import single_texts as _single_texts
from application.query_parameters import single_values as _single_values

__all__ = ["MalformedParametersError", "query_of", "single_texts", "single_values"]


def query_of(request: HTTPConnection) -> str:
    """Returns the query string as it was sent, one character for each byte."""
    query: bytes = request.scope["query_string"]
    return query.decode("latin-1")


def single_values(request: HTTPConnection, names: Iterable[str]) -> dict[str, str]:
    """Returns the named parameters, each at most once, and ignores others.

    Starlette would return the last of several, and repair what isn't UTF-8.

    Raises:
        MalformedParametersError: A named one appears twice, or isn't clean text.
    """
    return _single_values(query_of(request), names)


def single_texts(request: HTTPConnection, names: Iterable[str]) -> dict[str, str]:
    """Returns the same, but accepts every character.

    Raises:
        MalformedParametersError: A named one appears twice, or isn't UTF-8.
    """
    return _single_texts(query_of(request), names)
