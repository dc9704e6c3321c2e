"""Reads the body of a request, with limits on size and time."""

from http import HTTPStatus
from typing import Final

import anyio
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

_DEADLINE_SECONDS: Final = 10


async def bounded_body(request: Request, *, max_bytes: int) -> bytes:
    """The whole body.

    Raises:
        HTTPException: 408: the body is too slow. 413: it is too large.
    """
    body = bytearray()
    try:
        with anyio.fail_after(_DEADLINE_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > max_bytes:
                    raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    except (TimeoutError, ClientDisconnect):
        raise HTTPException(HTTPStatus.REQUEST_TIMEOUT) from None
    return bytes(body)
