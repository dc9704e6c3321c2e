"""Renders errors as problem details (RFC 9457)."""

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from application.errors import (
    ApplicationError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    ProviderUnavailableError,
    TooManyLoginsError,
    UnauthenticatedError,
    UnavailableError,
    UpstreamRejectedError,
)
from domain.errors import DomainError
from entrypoints.web.routing import allowed_methods

_log = structlog.stdlib.get_logger("vetassist.errors")

_STATUS: Final[dict[type[Exception], int]] = {
    DomainError: HTTPStatus.BAD_REQUEST,
    UnauthenticatedError: HTTPStatus.UNAUTHORIZED,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    NotFoundError: HTTPStatus.NOT_FOUND,
    ConflictError: HTTPStatus.CONFLICT,
    TooManyLoginsError: HTTPStatus.TOO_MANY_REQUESTS,
    UpstreamRejectedError: HTTPStatus.BAD_GATEWAY,
    UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}
_HEADERS: Final[dict[int, dict[str, str]]] = {
    HTTPStatus.UNAUTHORIZED: {
        "WWW-Authenticate": 'Bearer realm="vetassist", error="invalid_token"'
    },
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "2"},
    HTTPStatus.TOO_MANY_REQUESTS: {"Retry-After": "10"},
}


def problem(
    status: int, code: str, *, headers: Mapping[str, str] | None = None, **more: object
) -> JSONResponse:
    """A problem document with a code, and nothing that the client sent.

    ``reference`` is the request id, for support. ``more`` are extension members (RFC 9457, section
    3.2).
    """
    document: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
    }
    document |= more
    reference = structlog.contextvars.get_contextvars().get("request_id")
    if reference is not None:
        document["reference"] = reference
    return JSONResponse(
        document,
        status_code=status,
        headers={**_HEADERS.get(status, {}), **(headers or {})},
        media_type="application/problem+json",
    )


async def respond(_request: Request, error: Exception) -> Response:
    """Render a DomainError or ApplicationError, without its message."""
    if not isinstance(error, DomainError | ApplicationError):
        raise error
    status = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 500)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.warning("request_failed", code=error.code, cause=type(error.__cause__).__name__)
    return problem(status, error.code, headers=_retry_after(error))


def _retry_after(error: Exception) -> Mapping[str, str]:
    """A Retry-After in whole seconds, if the error has a more precise one than usual."""
    if not isinstance(error, ProviderUnavailableError) or error.retry_after is None:
        return {}
    return {"Retry-After": str(max(1, math.ceil(error.retry_after.total_seconds())))}


async def respond_to_http(request: Request, error: Exception) -> Response:
    """Render an HTTPException, such as for an unknown route or a wrong method."""
    if not isinstance(error, HTTPException):
        raise error
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = allowed_methods(request) or headers.get("Allow", "")
    return problem(error.status_code, _code_of(error.status_code), headers=headers)


def _code_of(status: int) -> str:
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        # The phrase depends on the version of Python.
        return "content_too_large"
    return HTTPStatus(status).phrase.lower().replace(" ", "_")
