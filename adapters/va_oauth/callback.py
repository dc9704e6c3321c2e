"""The callback: the provider's answer to an authorization request.

Source: RFC 6749, section 4.1.2; RFC 9207.
"""

import re
from typing import Final

from application.errors import (
    ProviderUnavailableError,
    RequestRefusedByProviderError,
    UpstreamRejectedError,
)
from application.ports.identity_provider import CallbackParameters, ProviderCallback
from application.query_parameters import MalformedParametersError, single_values
from application.sign_in_errors import (
    MalformedCallbackError,
    SignInDeniedError,
)
from domain.secret import Secret

# `state` is checked by whoever keeps the attempts, but a repeated one makes all of it malformed.
_NAMES: Final = ("state", "code", "error", "iss")
# Source: RFC 6749, appendix A.11 (code) and A.7 (error).
_CODE: Final = re.compile(r"[\x20-\x7e]{1,4096}", re.ASCII)
_ERROR: Final = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]{1,256}", re.ASCII)

#: What the provider refuses because of our settings or our registration. Only registered codes are
#: recorded, because anyone can write a callback. Source: RFC 6749, sections 4.1.2.1 and 5.2;
#: OpenID Connect Core 1.0, section 3.1.2.6; RFC 7591, section 3.2.2; RFC 8707; RFC 9101; RFC 9396.
_OUR_MISTAKES: Final = frozenset(
    {
        "invalid_request",
        "unauthorized_client",
        "unsupported_response_type",
        "invalid_scope",
        "invalid_client",
        "invalid_redirect_uri",
        "invalid_request_uri",
        "invalid_request_object",
        "request_not_supported",
        "request_uri_not_supported",
        "registration_not_supported",
        "invalid_target",
        "invalid_authorization_details",
    }
)
#: What the provider didn't get from the person. Source: OpenID Connect Core 1.0, section 3.1.2.6;
#: OpenID Connect Unmet Authentication Requirements 1.0.
_DECIDED_AT_PROVIDER: Final = frozenset(
    {
        "interaction_required",
        "login_required",
        "account_selection_required",
        "consent_required",
        "unmet_authentication_requirements",
    }
)


def read_callback(parameters: CallbackParameters) -> ProviderCallback:
    """Reads the parameters that the provider sent.

    Raises:
        MalformedCallbackError: One appears twice, or isn't in the form of RFC 6749.
    """
    try:
        values = single_values(parameters.query.reveal(), _NAMES)
    except MalformedParametersError as error:
        raise MalformedCallbackError from error
    code, error_code = values.get("code"), values.get("error")
    if code or error_code:
        # Some providers send the other one empty.
        code, error_code = code or None, error_code or None
    if code is not None and not _CODE.fullmatch(code):
        raise MalformedCallbackError
    if error_code is not None and not _ERROR.fullmatch(error_code):
        raise MalformedCallbackError
    return ProviderCallback(
        code=None if code is None else Secret(code), error=error_code, issuer=values.get("iss")
    )


def code_of(callback: ProviderCallback, *, issuer: str, is_issuer_required: bool) -> Secret:
    """Returns the code to exchange.

    Args:
        callback: The callback to check.
        issuer: The provider's issuer identifier.
        is_issuer_required: Whether the provider promises to name itself in each callback.

    Raises:
        SignInDeniedError: The Veteran declined, or the provider's rules didn't allow the sign-in.
        ProviderUnavailableError: The provider says that it can't answer at present.
        RequestRefusedByProviderError: It doesn't accept what our settings request.
        UpstreamRejectedError: Another provider sent it, it reports another error, or it has no
            code.
    """
    is_named = callback.issuer is not None or is_issuer_required
    if is_named and callback.issuer != issuer:
        raise UpstreamRejectedError("callback_iss")
    if callback.error is not None and callback.code is not None:
        raise UpstreamRejectedError("code_and_error")
    match callback.error:
        case "access_denied":
            raise SignInDeniedError
        case "temporarily_unavailable" | "server_error":
            raise ProviderUnavailableError
        case str() as code if code in _OUR_MISTAKES:
            raise RequestRefusedByProviderError(code)
        case str() as code if code in _DECIDED_AT_PROVIDER:
            raise SignInDeniedError(code)
        case str():
            raise UpstreamRejectedError("provider_error")
    if callback.code is None:
        raise UpstreamRejectedError("code_missing")
    return callback.code
