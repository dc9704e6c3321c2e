"""Tells a person in a browser from a program, and from a browser that only looks ahead."""

from typing import Final

from starlette.datastructures import Headers

#: Below the API's path for the sake of a cookie, but people send these forms.
FORMS_PATH: Final = "/api/v1/session/forms"
_NAVIGATE = "navigate"
_HTML = "text/html"
# The standard header, and those that browsers sent before it.
_PURPOSE_HEADERS = ("sec-purpose", "purpose", "x-purpose", "x-moz")
_PURPOSES = frozenset({"prefetch", "prerender", "preview"})


def is_navigation(headers: Headers) -> bool:
    """Whether a person would see the answer: they followed a link, or a redirect.

    Source: Fetch Metadata Request Headers, section 2.3; RFC 9110, section 12.5.1.
    """
    if headers.get("sec-fetch-mode", "").strip().lower() == _NAVIGATE:
        return True
    accepted = ",".join(headers.getlist("accept")).split(",")
    return any(_names_html(media_range) for media_range in accepted)


def is_prefetch(headers: Headers) -> bool:
    """Whether the browser fetches a page that nobody has asked for yet.

    Source: Fetch Standard, section 3.2.6 (`Sec-Purpose`).
    """
    return any(
        word.strip().lower() in _PURPOSES
        for name in _PURPOSE_HEADERS
        for value in headers.getlist(name)
        for word in value.replace(",", ";").split(";")
    )


def _names_html(media_range: str) -> bool:
    media_type, *parameters = (part.strip().lower() for part in media_range.split(";"))
    return media_type == _HTML and not any(_is_zero_weight(each) for each in parameters)


def _is_zero_weight(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    return name.strip() == "q" and value.strip().strip("0") in {"", "."}
