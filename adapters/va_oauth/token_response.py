"""Reads the token endpoint's answers (RFC 6749, sections 5.1 and 5.2)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from adapters.va_oauth.bounded_http import Reply
from adapters.va_oauth.retry_after import read_retry_after
from application.errors import (
    ClientRejectedByProviderError,
    GrantExpiredError,
    ProviderUnavailableError,
    UpstreamRejectedError,
)
from application.strict_json import NotStrictJSONError, object_of
from domain.secret import Secret
from domain.va_tokens import VATokens

_OK: Final = 200
# VA documents one hour. RFC 6749 refers to the documentation if `expires_in` is missing.
_DEFAULT_EXPIRES_IN: Final = 3600
_MAX_EXPIRES_IN: Final = 365 * 24 * 3600
# Source: RFC 6749, appendix A.12 and A.17, and A.4 for scope.
_TOKEN: Final = re.compile(r"[\x20-\x7e]{1,16384}", re.ASCII)
_SCOPE: Final = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]{0,4096}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenResponse:
    """An answer in the right form.

    Attributes:
        id_token: The ID token as received, not verified yet.
        patient: The ICN, if VA's launch context names it. Only TLS protects it, because it isn't
            part of a signed token.
    """

    tokens: VATokens
    id_token: object = field(repr=False)
    patient: object = field(repr=False)


def read_token_response(reply: Reply, *, requested_scope: str, now: datetime) -> TokenResponse:
    """Reads the answer and checks its form.

    Raises:
        ProviderUnavailableError: The provider says that it can't answer at present.
        GrantExpiredError: It doesn't accept the code or refresh token anymore.
        ClientRejectedByProviderError: It doesn't accept our client credentials.
        UpstreamRejectedError: It refused for another reason, or its answer isn't acceptable.
    """
    if reply.means_not_now:
        raise ProviderUnavailableError(
            f"status_{reply.status}", retry_after=read_retry_after(reply.retry_after, now)
        )
    try:
        answer = object_of(reply.body)
    except NotStrictJSONError as error:
        raise UpstreamRejectedError("token_answer_malformed") from error
    if reply.status != _OK:
        raise _refusal(answer.get("error"))
    token_type = answer.get("token_type")
    if not isinstance(token_type, str) or token_type.lower() != "bearer":
        raise UpstreamRejectedError("token_type")
    access_token = _token(answer, "access_token")
    if access_token is None:
        raise UpstreamRejectedError("access_token_missing")
    return TokenResponse(
        tokens=VATokens(
            access_token=access_token,
            refresh_token=_token(answer, "refresh_token"),
            id_token=_token(answer, "id_token"),
            token_type="Bearer",  # noqa: S106 - the name of a token type
            scope=_scope(answer, requested_scope),
            expires_at=now + timedelta(seconds=_expires_in(answer)),
        ),
        id_token=answer.get("id_token"),
        patient=answer.get("patient"),
    )


def refresh_token_of(reply: Reply) -> Secret | None:
    """Returns the refresh token of an answer that isn't acceptable as a whole, or None."""
    try:
        return _token(object_of(reply.body), "refresh_token") if reply.status == _OK else None
    except (NotStrictJSONError, UpstreamRejectedError):
        return None


def error_of(reply: Reply) -> str | None:
    """Returns the error code of a refusal (RFC 6749, section 5.2), or None if it has none."""
    try:
        said = object_of(reply.body).get("error")
    except NotStrictJSONError:
        return None
    return said if isinstance(said, str) else None


def _refusal(code: object) -> UpstreamRejectedError:
    match code:
        case "invalid_grant":
            return GrantExpiredError()
        case "invalid_client" | "unauthorized_client":
            return ClientRejectedByProviderError(code)
        case "invalid_request" | "invalid_scope" | "unsupported_grant_type":
            return UpstreamRejectedError(code)
        case _:
            return UpstreamRejectedError("token_endpoint_refused")


def _token(answer: Mapping[str, Any], name: str) -> Secret | None:
    value = answer.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise UpstreamRejectedError(f"{name}_malformed")
    return Secret(value)


def _scope(answer: Mapping[str, Any], requested: str) -> str:
    # If omitted, it is the requested scope (RFC 6749, section 5.1).
    scope = answer.get("scope")
    if scope is None:
        return requested
    if not isinstance(scope, str) or not _SCOPE.fullmatch(scope):
        raise UpstreamRejectedError("scope_malformed")
    return scope


def _expires_in(answer: Mapping[str, Any]) -> int:
    value = answer.get("expires_in", _DEFAULT_EXPIRES_IN)
    if type(value) is not int or not 0 < value <= _MAX_EXPIRES_IN:
        raise UpstreamRejectedError("expires_in")
    return value
