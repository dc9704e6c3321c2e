"""Reads the token endpoint's answers (RFC 6749, sections 5.1 and 5.2)."""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from adapters.va_oauth.bounded_http import Reply
from adapters.va_oauth.documents import Document, unsigned_document
from adapters.va_oauth.retry_after import read_retry_after
from application.errors import (
    ApplicationError,
    ClientRejectedByProviderError,
    GrantExpiredError,
    ProviderUnavailableError,
    RequestRefusedByProviderError,
    UpstreamRejectedError,
)
from domain.secret import Secret
from domain.va_tokens import VATokens

_UNAUTHORIZED: Final = 401
# VA documents one hour. RFC 6749 refers to the documentation if `expires_in` is missing.
_DEFAULT_EXPIRES_IN: Final = 3600
_MAX_EXPIRES_IN: Final = 365 * 24 * 3600
# Source: RFC 6749, appendix A.12 and A.17, and A.4 for scope.
_TOKEN: Final = re.compile(r"[\x20-\x7e]{1,16384}", re.ASCII)
_SCOPE: Final = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]{1,4096}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenResponse:
    """An answer in the right form.

    Attributes:
        tokens: The tokens as received. The ID token isn't verified yet.
        patient: The ICN, if VA's launch context names it. Only TLS protects it, because it isn't
            part of a signed token.
    """

    tokens: VATokens
    patient: object = field(repr=False)


def read_token_response(reply: Reply, *, requested_scope: str, now: datetime) -> TokenResponse:
    """Reads the answer and checks its form.

    Raises:
        ProviderUnavailableError: The provider says that it can't answer at present.
        GrantExpiredError: It doesn't accept the code or refresh token anymore.
        ClientRejectedByProviderError: It doesn't accept our client credentials.
        RequestRefusedByProviderError: It doesn't accept what our settings request.
        UpstreamRejectedError: It refused for another reason, or its answer isn't acceptable.
    """
    if reply.means_not_now:
        raise ProviderUnavailableError(
            f"status_{reply.status}", retry_after=read_retry_after(reply.retry_after, now)
        )
    if not reply.is_success:
        raise _refusal(reply)
    answer = _answer(reply)
    if (answer.readable_text("token_type") or "").lower() != "bearer":
        raise UpstreamRejectedError("token_type")
    access_token = _secret(answer, "access_token")
    if access_token is None:
        raise UpstreamRejectedError("access_token_missing")
    return TokenResponse(
        tokens=VATokens(
            access_token=access_token,
            refresh_token=_secret(answer, "refresh_token"),
            id_token=_secret(answer, "id_token"),
            token_type="Bearer",  # noqa: S106 - the name of a token type
            scope=_scope(answer, requested_scope),
            expires_at=now + timedelta(seconds=_expires_in(answer)),
        ),
        patient=answer.said("patient"),
    )


def refresh_token_of(reply: Reply) -> Secret | None:
    """Returns the refresh token of an answer that isn't acceptable as a whole, or None."""
    try:
        return _secret(_answer(reply), "refresh_token") if reply.is_success else None
    except UpstreamRejectedError:
        return None


def error_of(reply: Reply) -> str | None:
    """Returns the error code of a refusal (RFC 6749, section 5.2), or None if it has none."""
    try:
        return _answer(reply).readable_text("error")
    except UpstreamRejectedError:
        return None


def _answer(reply: Reply) -> Document:
    return unsigned_document(reply, reason="{}_malformed", whole="token_answer")


def _refusal(reply: Reply) -> ApplicationError:
    code = error_of(reply)
    match code:
        case None if reply.status == _UNAUTHORIZED:
            # Without a document, too, 401 is about the client (RFC 6749, section 5.2).
            return ClientRejectedByProviderError("invalid_client")
        case "temporarily_unavailable" | "server_error":
            # Codes of the callback, which some providers use here as well.
            return ProviderUnavailableError(code)
        case "invalid_grant":
            return GrantExpiredError()
        case "invalid_client" | "unauthorized_client":
            return ClientRejectedByProviderError(code)
        case "invalid_request" | "invalid_scope" | "unsupported_grant_type":
            return RequestRefusedByProviderError(code)
        case _:
            return UpstreamRejectedError("token_endpoint_refused")


def _secret(answer: Document, name: str) -> Secret | None:
    value = answer.text(name, _TOKEN)
    return None if value is None else Secret(value)


def _scope(answer: Document, requested: str) -> str:
    # If omitted, it is the requested scope (RFC 6749, section 5.1). Some providers send a list, or
    # other white space than spaces.
    scope = " ".join(word for text in answer.texts("scope") for word in text.split())
    if scope and not _SCOPE.fullmatch(scope):
        raise answer.unacceptable("scope")
    return scope or requested


def _expires_in(answer: Document) -> int:
    try:
        seconds = answer.number("expires_in", at_most=_MAX_EXPIRES_IN)
    except UpstreamRejectedError as error:
        raise UpstreamRejectedError("expires_in") from error
    if seconds is None:
        return _DEFAULT_EXPIRES_IN
    if seconds < 1:
        raise UpstreamRejectedError("expires_in")
    return int(seconds)
