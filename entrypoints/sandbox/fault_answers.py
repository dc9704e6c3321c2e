"""Answers that a fault returns in place of VA's."""

import gzip
import json
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from http.client import responses as reasons
from typing import Final

from anyio.lowlevel import checkpoint
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.types import Receive, Scope, Send

from entrypoints.sandbox.faults import Answer, Endpoint, EndpointFault

Sleep = Callable[[float], Awaitable[object]]

_MEBIBYTE: Final = 1024 * 1024
_HUGE_BYTES: Final = 50 * _MEBIBYTE
_BOMB_MEBIBYTES: Final = 1024
_DRIP_BYTES: Final = 600
_JSON: Final = "application/json"
_RETRY_AFTER: Final = "300"

_RATE_LIMITED: Final = {"message": "API rate limit exceeded"}
_OAUTH_BODIES: Final[Mapping[int, object]] = {
    400: {
        "error": "invalid_grant",
        "error_description": "The authorization code is invalid or has expired.",
    },
    401: {"error": "invalid_client", "error_description": "Client authentication failed"},
    429: _RATE_LIMITED,
    503: {"error": "temporarily_unavailable"},
}
_API_BODIES: Final[Mapping[int, object]] = {
    400: {"title": "Bad Request", "detail": "Bad Request", "code": "400", "status": "400"},
    401: {"status": 401, "error": "Invalid token."},
    403: {
        "status": "403",
        "error": "Token not granted requested scope.",
        "path": "/veteran_verification/v2/status",
    },
    413: {"message": "Request size limit exceeded"},
    429: _RATE_LIMITED,
    504: {"message": "The server took too long to respond"},
}


def va_error(
    endpoint: Endpoint, status: int, *, headers: Mapping[str, str] | None = None
) -> Response:
    """Returns VA's answer with this status. VA's API and its OAuth routes have different bodies."""
    if endpoint is Endpoint.STATUS:
        phrase = reasons.get(status, "Error")
        unavailable = {
            "title": phrase,
            "detail": phrase,
            "code": str(status),
            "status": str(status),
        }
        body = _API_BODIES.get(status, {"errors": [unavailable]})
    else:
        body = _OAUTH_BODIES.get(status, {"error": "server_error"})
    return JSONResponse(body, status_code=status, headers=headers)


def faulty_answer(
    endpoint: Endpoint, fault: EndpointFault, *, redirect_target: str, sleep: Sleep
) -> Response | None:
    """Returns the fault's answer, or None if the real answer stays.

    Args:
        endpoint: The endpoint with the fault.
        fault: The fault.
        redirect_target: Where a redirect leads.
        sleep: Waits between the bytes of a slow drip.
    """
    answers: Mapping[Answer, Callable[[], Response]] = {
        Answer.REDIRECT: lambda: RedirectResponse(redirect_target, status_code=302),
        Answer.HTML: lambda: HTMLResponse("<!doctype html><title>Down for maintenance</title>"),
        Answer.TRUNCATED: lambda: CutShortResponse(b'{"access_token":"', promised_bytes=2048),
        Answer.HUGE: lambda: _stream(_huge()),
        Answer.GZIP_BOMB: lambda: _stream(gzip_bomb(), {"Content-Encoding": "gzip"}),
        Answer.SLOW_DRIP: lambda: _stream(_drip(fault.interval_seconds, sleep)),
    }
    if fault.answer is None:
        return None
    if isinstance(fault.answer, Answer):
        return answers[fault.answer]()
    return _numbered(endpoint, fault.answer, fault)


def dressed(answer: Response, fault: EndpointFault) -> Response:
    """Returns the real answer in the form that the fault gives it."""
    if (fault.status, fault.charset, fault.content_encoding) == (None, None, None):
        return answer
    body, headers = bytes(answer.body), dict(answer.headers)
    if fault.charset is not None:
        if headers.get("content-type") == _JSON:
            body = json.dumps(json.loads(body), ensure_ascii=False).encode(fault.charset, "replace")
        headers["content-type"] = f"{headers.get('content-type', _JSON)}; charset={fault.charset}"
    if fault.content_encoding is not None:
        body = gzip.compress(body) if fault.content_encoding == "gzip" else zlib.compress(body)
        headers["content-encoding"] = fault.content_encoding
    status = fault.status or answer.status_code
    if status in {HTTPStatus.NO_CONTENT, HTTPStatus.RESET_CONTENT}:
        body = b""
    del headers["content-length"]
    return Response(body, status, headers)


def _numbered(endpoint: Endpoint, status: int, fault: EndpointFault) -> Response:
    retry_after = fault.retry_after or (
        _RETRY_AFTER if status == HTTPStatus.SERVICE_UNAVAILABLE else None
    )
    headers = {"Retry-After": retry_after} if retry_after else None
    if status == HTTPStatus.NO_CONTENT:
        return Response(status_code=status, headers=headers)
    if fault.body is not None:
        return Response(fault.body, status_code=status, headers=headers, media_type=_JSON)
    return va_error(endpoint, status, headers=headers)


class CutShortResponse(Response):
    """Announces more bytes than it sends, so the connection closes in the middle of the answer."""

    def __init__(self, sent: bytes, *, promised_bytes: int) -> None:
        headers = {"Content-Length": str(promised_bytes)}
        super().__init__(sent, headers=headers, media_type=_JSON)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Each server raises its own error for the wrong length and then closes the connection,
        # which is the point.
        with suppress(Exception):
            await super().__call__(scope, receive, send)


def _stream(content: AsyncIterator[bytes], headers: Mapping[str, str] | None = None) -> Response:
    return StreamingResponse(content, media_type=_JSON, headers=headers)


async def _huge() -> AsyncIterator[bytes]:
    yield b'{"padding":"'
    for _ in range(_HUGE_BYTES // _MEBIBYTE):
        yield b"x" * _MEBIBYTE
        await checkpoint()
    yield b'"}'


async def gzip_bomb(mebibytes: int = _BOMB_MEBIBYTES) -> AsyncIterator[bytes]:
    """Yields compressed spaces. They inflate to about a thousand times the size."""
    compressor = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    for _ in range(mebibytes):
        yield compressor.compress(b" " * _MEBIBYTE)
        await checkpoint()  # the server may not suspend on its own, and others are waiting
    yield compressor.flush()


async def _drip(interval_seconds: float, sleep: Sleep) -> AsyncIterator[bytes]:
    for _ in range(_DRIP_BYTES):
        yield b" "
        await sleep(interval_seconds)
    yield b"{}"
