"""The callback: the provider's answer to an authorization request.

Source: RFC 6749, section 4.1.2; RFC 9207.
"""

import re
from typing import Final

from application.errors import (
    MalformedCallbackError,
    ProviderUnavailableError,
    SignInDeniedError,
    UpstreamRejectedError,
)
from application.ports.identity_provider import CallbackParameters, ProviderCallback
from application.query_parameters import MalformedParametersError, single_values
from domain.secret import Secret

# `state` is checked by whoever keeps the attempts, but a repeated one makes all of it malformed.
_NAMES: Final = ("state", "code", "error", "iss")
# Source: RFC 6749, appendix A.11 (code) and A.7 (error).
_CODE: Final = re.compile(r"[\x20-\x7e]{1,4096}", re.ASCII)
_ERROR: Final = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]{1,256}", re.ASCII)


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
        SignInDeniedError: The Veteran declined.
        ProviderUnavailableError: The provider says that it can't answer at present.
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
        case str():
            raise UpstreamRejectedError("provider_error")
    if callback.code is None:
        raise UpstreamRejectedError("code_missing")
    return callback.code
