"""Reads a JSON object from the body of a request, with limits on size and time."""

from http import HTTPStatus
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request

from application.strict_json import NotStrictJSONError, object_of
from entrypoints.web.bounded_body import bounded_body

_MAX_BYTES: Final = 4096


async def json_object(request: Request) -> dict[str, Any]:
    """The body as a JSON object. An empty body is an empty object.

    Raises:
        HTTPException: 400: not such an object. 408: too slow. 413: too large. 415: not JSON.
    """
    body = await bounded_body(request, max_bytes=_MAX_BYTES)
    if not body:
        return {}
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    try:
        return object_of(body)
    except NotStrictJSONError:
        raise HTTPException(HTTPStatus.BAD_REQUEST) from None


def text_field(fields: dict[str, Any], name: str, *, allowed: frozenset[str]) -> str | None:
    """A text member of the object, or None if there is none.

    Raises:
        HTTPException: 400: it isn't printable ASCII, or the object has a member that isn't
            ``allowed``.
    """
    if not fields.keys() <= allowed:
        raise HTTPException(HTTPStatus.BAD_REQUEST)
    if name not in fields:
        return None
    value = fields[name]
    # All of our texts are printable ASCII. A lone surrogate couldn't even be encoded.
    if not isinstance(value, str) or not (value.isascii() and value.isprintable()):
        raise HTTPException(HTTPStatus.BAD_REQUEST)
    return value
