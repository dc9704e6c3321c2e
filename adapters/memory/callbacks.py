"""Callbacks, as the simulated providers read them."""

from typing import Final

from application.errors import (
    ProviderUnavailableError,
    RequestRefusedByProviderError,
    UpstreamRejectedError,
)
from application.ports.identity_provider import CallbackParameters, ProviderCallback
from application.query_parameters import MalformedParametersError, single_values
from application.sign_in_errors import MalformedCallbackError, SignInDeniedError
from domain.secret import Secret

_MAX_CHARACTERS: Final = 4096


def read_callback(parameters: CallbackParameters) -> ProviderCallback:
    """Reads the parameters that a provider sent.

    Raises:
        MalformedCallbackError: A parameter appears twice, or isn't what a provider sends.
    """
    try:
        values = single_values(parameters.query.reveal(), ["state", "code", "error", "iss"])
    except MalformedParametersError as error:
        raise MalformedCallbackError from error
    code, error_code = values.get("code"), values.get("error")
    if code or error_code:
        code, error_code = code or None, error_code or None
    for text in (code, error_code):
        if text is not None and not (text and text.isascii() and len(text) <= _MAX_CHARACTERS):
            raise MalformedCallbackError
    return ProviderCallback(
        code=None if code is None else Secret(code), error=error_code, issuer=values.get("iss")
    )


def code_of(callback: ProviderCallback, *, issuer: str) -> Secret:
    """Returns the code to exchange.

    Raises:
        SignInDeniedError: The provider didn't allow the sign-in.
        ProviderUnavailableError: The provider says that it can't answer at present.
        UpstreamRejectedError: The callback isn't acceptable.
    """
    if callback.issuer not in {None, issuer}:
        raise UpstreamRejectedError("callback_iss")
    if callback.error is not None and callback.code is not None:
        raise UpstreamRejectedError("code_and_error")
    match callback.error:
        case "access_denied":
            raise SignInDeniedError
        case "temporarily_unavailable" | "server_error":
            raise ProviderUnavailableError
        case "invalid_request" | "invalid_scope" | "unauthorized_client" as code:
            raise RequestRefusedByProviderError(code)
        case "login_required" | "consent_required" as code:
            raise SignInDeniedError(code)
        case str():
            raise UpstreamRejectedError("provider_error")
    if callback.code is None:
        raise UpstreamRejectedError("code_missing")
    return callback.code
