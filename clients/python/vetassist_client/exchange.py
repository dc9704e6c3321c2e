"""Token exchange (RFC 8693): what is asked, and what the answer means. Nothing here does I/O."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, NoReturn, Protocol

import httpx

from vetassist_client.errors import (
    ClientNotAcceptedError,
    RequestNotAcceptedError,
    ScopeNotGrantedError,
    SessionEndedError,
    SignInNeededError,
    TokenNotAcceptedError,
    UnavailableError,
    VASignInNeededError,
    VetAssistError,
)
from vetassist_client.question import Answer, retry_after

TOKEN_PATH: Final = "/oauth/token"  # noqa: S105 - a path
_TOKEN_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - a name
_JWT: Final = "urn:ietf:params:oauth:token-type:jwt"
_PRINTABLE: Final = re.compile(r"[\x20-\x7e]{1,200}", re.ASCII)

# By the error of RFC 6749, section 5.2, and the service's own, more specific code.
_ERRORS: Final[Mapping[tuple[str, str], type[VetAssistError]]] = {
    ("invalid_grant", ""): SignInNeededError,
    ("invalid_grant", "session_ended"): SessionEndedError,
    ("invalid_grant", "va_sign_in_needed"): VASignInNeededError,
    ("invalid_request", "invalid_token"): TokenNotAcceptedError,
    ("invalid_scope", "va_scope_not_granted"): ScopeNotGrantedError,
    ("invalid_client", ""): ClientNotAcceptedError,
}


class ClientCredential(Protocol):
    """How a back end proves that it is a registered client."""

    def headers(self) -> Mapping[str, str]:
        """Returns the headers of a request."""

    def fields(self) -> Mapping[str, str]:
        """Returns the form fields of a request. They are used once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VAToken:
    """A VA access token. Use it for the current request and don't store it.

    Attributes:
        access_token: The token.
        scope: All scopes that it covers.
        expires_in: Its lifetime in seconds.
    """

    access_token: str = field(repr=False)
    scope: str
    expires_in: int


def token_request(
    url: httpx.URL, credential: ClientCredential, *, jwt: str, purpose: str, scope: str | None
) -> httpx.Request:
    """Returns a request for the VA access token of the JWT's Veteran."""
    fields = {
        "grant_type": _TOKEN_EXCHANGE,
        "subject_token": jwt,
        "subject_token_type": _JWT,
        "purpose": purpose,
        **({} if scope is None else {"scope": scope}),
        **credential.fields(),
    }
    return httpx.Request("POST", url, headers=dict(credential.headers()), data=fields)


def va_token(answer: Answer) -> VAToken:
    """Returns the token of an answer.

    Raises:
        VetAssistError: There is no token, for a reason that the type states.
    """
    document = _document(answer)
    status = answer.status
    is_refusal = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    if is_refusal and status != HTTPStatus.TOO_MANY_REQUESTS:
        _refuse(document)
    if status != HTTPStatus.OK:
        raise UnavailableError(retry_after(answer.headers))
    access_token, scope = _text(document, "access_token"), _text(document, "scope")
    expires_in = document.get("expires_in")
    # Anything else isn't from the session service. (A bool is an int, too.)
    if not access_token or type(expires_in) is not int or expires_in < 0:
        raise UnavailableError
    return VAToken(access_token=access_token, scope=scope, expires_in=expires_in)


def _document(answer: Answer) -> dict[str, Any]:
    try:
        document = json.loads(answer.body)
    except ValueError as error:
        raise UnavailableError(retry_after(answer.headers)) from error
    if not isinstance(document, dict):
        raise UnavailableError(retry_after(answer.headers))
    return document


def _refuse(document: Mapping[str, Any]) -> NoReturn:
    error, code = _text(document, "error"), _text(document, "code")
    if not error:
        raise UnavailableError
    kind = _ERRORS.get((error, code)) or _ERRORS.get((error, ""))
    if kind is not None:
        raise kind
    description = _text(document, "error_description")
    told = [text for text in (error, description) if _PRINTABLE.fullmatch(text)]
    raise RequestNotAcceptedError(": ".join(told))


def _text(document: Mapping[str, Any], name: str) -> str:
    """Returns a text, which is empty if there is none."""
    value = document.get(name)
    return value if isinstance(value, str) else ""
