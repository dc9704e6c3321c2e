"""Responses that many operations share."""

from typing import Final

from entrypoints.web.api.parts import JSON, problem

RESPONSES: Final[JSON] = {
    "401": problem(
        "No token, more than one, or one whose session has ended: sign in again.",
        "invalid_token",
        headers=("WWW-Authenticate",),
    ),
    "403": problem(
        "An unsafe request with a cookie does not come from our own front end.",
        "forbidden",
    ),
    "503": problem(
        "The database does not answer. The session is not affected: try again.",
        "unavailable",
        headers=("Retry-After",),
    ),
}


def without_bodies(responses: JSON) -> JSON:
    """The responses to HEAD instead of GET."""
    whole = {
        status: RESPONSES[status] if "$ref" in answer else answer
        for status, answer in responses.items()
    }
    return {
        status: {key: part for key, part in answer.items() if key != "content"}
        for status, answer in whole.items()
    }
