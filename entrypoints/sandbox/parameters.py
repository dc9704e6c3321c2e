"""Strict parsing of OAuth requests: no repeated parameters, and credentials in one place only."""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from typing import Final
from urllib.parse import parse_qsl, unquote_plus

from starlette.requests import Request

from entrypoints.sandbox.errors import INVALID_REQUEST, OAuthError

_BEARER: Final = re.compile(r"Bearer ([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)
_BASIC: Final = re.compile(r"Basic ([A-Za-z0-9+/]+=*)", re.IGNORECASE)
_FORM: Final = "application/x-www-form-urlencoded"
_MAX_BODY_BYTES: Final = 64 * 1024
_MAX_FIELDS: Final = 50


def query_fields(request: Request) -> dict[str, str]:
    """Returns the parameters of the query. An empty parameter is dropped.

    Raises:
        OAuthError: A parameter appears twice, or the encoding is invalid.
    """
    return _fields(request.url.query)


async def form_fields(request: Request) -> dict[str, str]:
    """Returns the fields of the form, by the same rules as for the query.

    Raises:
        OAuthError: The body isn't a form, is too large, or breaks the rules.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise OAuthError(INVALID_REQUEST, f"The content type must be {_FORM}.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            raise OAuthError(INVALID_REQUEST, "The request is too large.", status=413)
    return _fields(body.decode("latin-1"))


def _fields(encoded: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(encoded, errors="strict", max_num_fields=_MAX_FIELDS)
    except ValueError as error:
        raise OAuthError(INVALID_REQUEST, "The parameters cannot be read.") from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise OAuthError(INVALID_REQUEST, "A parameter is repeated.")
    return fields


def bearer_token(request: Request) -> str:
    """Returns the access token, or an empty string if there is none. No token is empty."""
    match = _BEARER.fullmatch(request.headers.get("authorization", ""))
    return match[1] if match else ""


def client_credentials(request: Request, form: dict[str, str]) -> tuple[str, str]:
    """Returns the client id and secret from HTTP Basic or from the form.

    Raises:
        OAuthError: There are no credentials, or there are two.
    """
    basic = _BASIC.fullmatch(request.headers.get("authorization", ""))
    if basic and "client_secret" in form:
        raise OAuthError(INVALID_REQUEST, "Cannot supply multiple client credentials.")
    if basic:
        return _basic_credentials(basic[1])
    if "client_id" in form and "client_secret" in form:
        return form["client_id"], form["client_secret"]
    raise _unauthenticated()


def _basic_credentials(encoded: str) -> tuple[str, str]:
    try:
        client_id, separator, client_secret = b64decode(encoded).decode().partition(":")
    except (Base64Error, UnicodeDecodeError) as error:
        raise _unauthenticated() from error
    if not separator:
        raise _unauthenticated()
    # Both halves are form-encoded first. Source: RFC 6749, section 2.3.1.
    return unquote_plus(client_id), unquote_plus(client_secret)


def _unauthenticated() -> OAuthError:
    return OAuthError("invalid_client", "Client authentication failed", status=401)
