"""The cookies of a request, including those with the same name."""

from collections import defaultdict

from starlette.requests import HTTPConnection


def cookie_values(request: HTTPConnection) -> dict[str, list[str]]:
    """Values by cookie name, in order. Starlette keeps only the last one of each name."""
    values: defaultdict[str, list[str]] = defaultdict(list)
    for header in request.headers.getlist("cookie"):
        for pair in header.split(";"):
            name, separator, value = pair.strip().partition("=")
            if separator:
                values[name].append(value)
    return values
