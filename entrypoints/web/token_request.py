"""Reads a token request strictly.

Source: RFC 8693, section 2.1; RFC 6749, sections 2.3.1 and 3.2; RFC 7521, section 4.2.
"""

import re
from base64 import b64decode
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, unquote_plus

from starlette.requests import Request

from application.errors import ClientRefusedError
from domain.secret import Secret
from domain.service_client import AssertionCredential, ClientCredential, SecretCredential
from domain.va_token_use import TokenPurpose
from domain.web_url import origin_of
from entrypoints.web.bounded_body import bounded_body

TOKEN_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - a name
ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - as above
JWT: Final = "urn:ietf:params:oauth:token-type:jwt"
JWT_BEARER: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

#: About twice what the Veteran's JWT and a client assertion need.
MAX_BYTES: Final = 16_384
_FORM: Final = "application/x-www-form-urlencoded"
_MAX_FIELDS: Final = 50
#: RFC 8693, section 2.1: the only two that may appear more than once.
_SEVERAL: Final = frozenset({"audience", "resource"})
_KNOWN: Final = _SEVERAL | {
    *("grant_type", "requested_token_type", "purpose", "scope"),
    *("subject_token", "subject_token_type", "actor_token", "actor_token_type"),
    *("client_id", "client_secret", "client_assertion", "client_assertion_type"),
}
_SCOPES: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*", re.ASCII)


class TokenRequestError(Exception):
    """The request can't be granted (RFC 6749, section 5.2).

    Attributes:
        error: The error code of the standard.
        description: A text for a developer, without anything that the client sent.
        code: Our own, more precise code, if there is one.
    """

    def __init__(
        self,
        error: str,
        description: str,
        *,
        code: str | None = None,
        status: int = HTTPStatus.BAD_REQUEST,
    ) -> None:
        super().__init__(error)
        self.error = error
        self.description = description
        self.code = code
        self.status = status


class SeveralCredentialsError(ClientRefusedError):
    """The client authenticates in more than one way."""

    code = "invalid_request"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """A token request: the credentials of a back end, and what it asks for.

    Attributes:
        subject_token: The Veteran's JWT.
        scopes: None: all scopes that the client is registered for.
    """

    credential: ClientCredential
    subject_token: str = field(repr=False)
    purpose: TokenPurpose
    scopes: frozenset[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """What the issued tokens are valid for: VA.

    Attributes:
        issuer: VA's issuer.
        origins: The origins of VA's APIs.
    """

    issuer: str
    origins: frozenset[str]

    def has(self, audience: str) -> bool:
        """Whether ``audience`` is VA, by its issuer or by the URL of an API."""
        try:
            return audience == self.issuer or origin_of(audience) in self.origins
        except ValueError:
            return False


async def token_request(request: Request, targets: Targets) -> TokenRequest:
    """Read a request.

    Raises:
        TokenRequestError: It isn't a token exchange, or not one that can be granted.
        ClientRefusedError: It has no credentials, several of them, or malformed ones.
        HTTPException: 408: too slow. 413: too large.
    """
    if request.scope["query_string"]:
        raise _invalid("Parameters belong in the body, not in the URL.")
    fields = await _fields(request)
    parameters = {name: values[0] for name, values in fields.items()}
    grant_type = parameters.get("grant_type")
    if grant_type is None:
        raise _invalid("grant_type is missing.")
    if grant_type != TOKEN_EXCHANGE:
        raise TokenRequestError("unsupported_grant_type", f"grant_type must be {TOKEN_EXCHANGE}.")
    credential = _credential(request, parameters)
    _check_types(parameters)
    for name in sorted(_SEVERAL):
        for target in fields.get(name, ()):
            if not targets.has(target) or "#" in target:
                raise TokenRequestError(
                    "invalid_target", f"{name} must be VA's issuer or the URL of one of VA's APIs."
                )
    scope = parameters.get("scope")
    if scope is not None and not _SCOPES.fullmatch(scope):
        raise TokenRequestError("invalid_scope", "scope must be words with single spaces between.")
    return TokenRequest(
        credential=credential,
        subject_token=parameters["subject_token"],
        purpose=_purpose(parameters.get("purpose")),
        scopes=None if scope is None else frozenset(scope.split(" ")),
    )


async def _fields(request: Request) -> Mapping[str, list[str]]:
    """The values of the form by name. An empty one counts as missing (RFC 6749, section 3.2).

    Parameters that nobody reads are ignored, whatever they hold.
    """
    body = await bounded_body(request, max_bytes=MAX_BYTES)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != _FORM:
        description = f"The Content-Type must be {_FORM}."
        status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
        raise TokenRequestError("invalid_request", description, status=status)
    try:
        # Latin-1 can be decoded whatever the bytes are. Characters beyond ASCII are refused below.
        pairs = parse_qsl(
            body.decode("latin-1"),
            keep_blank_values=True,
            encoding="latin-1",
            max_num_fields=_MAX_FIELDS,
        )
    except ValueError:
        raise _invalid(f"The form has more than {_MAX_FIELDS} parameters.") from None
    fields: defaultdict[str, list[str]] = defaultdict(list)
    seen: set[str] = set()
    for name, value in pairs:
        if name not in _KNOWN:
            continue
        # All valid values are printable ASCII. Other characters could disguise a log line.
        if not (value.isascii() and value.isprintable()):
            raise _invalid(f"{name} must be printable ASCII.")
        if name in seen and name not in _SEVERAL:
            raise _invalid(f"{name} must not appear twice.")
        seen.add(name)
        if value:
            fields[name].append(value)
    return fields


def _check_types(parameters: Mapping[str, str]) -> None:
    if "subject_token" not in parameters:
        raise _invalid("subject_token is missing.")
    if parameters.get("subject_token_type") not in {JWT, ACCESS_TOKEN}:
        raise _invalid(f"subject_token_type must be {JWT}.")
    if parameters.get("requested_token_type", ACCESS_TOKEN) != ACCESS_TOKEN:
        raise _invalid(f"requested_token_type must be {ACCESS_TOKEN}, or left out.")
    for name in ("actor_token", "actor_token_type"):
        if name in parameters:
            raise _invalid(f"{name} is not supported: the client is the actor.")


def _purpose(text: str | None) -> TokenPurpose:
    try:
        return TokenPurpose(text or "")
    except ValueError:
        names = ", ".join(purpose.value for purpose in TokenPurpose)
        raise _invalid(f"purpose must be one of: {names}.") from None


def _credential(request: Request, parameters: Mapping[str, str]) -> ClientCredential:
    # Some proxies send an empty field if the client sent none.
    headers = [header for header in request.headers.getlist("authorization") if header]
    shown = {"client_assertion", "client_assertion_type"} & parameters.keys()
    if len(headers) + ("client_secret" in parameters) + bool(shown) > 1:
        raise SeveralCredentialsError("several_credentials")
    named = parameters.get("client_id")
    if headers:
        credential = _basic(headers[0])
        if named not in {None, credential.client_id}:
            raise ClientRefusedError("malformed_credentials")
        return credential
    if shown:
        if parameters.get("client_assertion_type") != JWT_BEARER or len(shown) == 1:
            raise ClientRefusedError("malformed_credentials")
        return AssertionCredential(
            assertion=Secret(parameters["client_assertion"]), client_id=named
        )
    if named is None or "client_secret" not in parameters:
        raise ClientRefusedError("no_credentials")
    return SecretCredential(client_id=named, secret=Secret(parameters["client_secret"]))


def _basic(header: str) -> SecretCredential:
    scheme, _, encoded = header.strip().partition(" ")
    if scheme.lower() != "basic":
        raise ClientRefusedError("malformed_credentials")
    try:
        decoded = b64decode(encoded.strip(), validate=True).decode("ascii")
        client_id, colon, secret = decoded.partition(":")
        # Each part is form-encoded before they are joined (RFC 6749, section 2.3.1).
        client_id, secret = (unquote_plus(each, errors="strict") for each in (client_id, secret))
    except ValueError:
        raise ClientRefusedError("malformed_credentials") from None
    if not colon:
        raise ClientRefusedError("malformed_credentials")
    return SecretCredential(client_id=client_id, secret=Secret(secret))


def _invalid(description: str) -> TokenRequestError:
    return TokenRequestError("invalid_request", description)
