"""The cookies of a request, with all that a browser sent."""

from collections import defaultdict

from starlette.requests import Request


def cookie_values(request: Request) -> dict[str, list[str]]:
    """Values by cookie name, in order; Starlette keeps only the last of a name."""
    values: defaultdict[str, list[str]] = defaultdict(list)
    for header in request.headers.getlist("cookie"):
        for pair in header.split(";"):
            name, separator, value = pair.strip().partition("=")
            if separator:
                values[name].append(value)
    return values
