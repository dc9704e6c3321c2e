"""How a sign-in can end without a session."""

from enum import StrEnum


class SignInFailure(StrEnum):
    """The error code for the front end. The values are part of the public contract."""

    ACCESS_DENIED = "access_denied"
    LOGIN_EXPIRED = "login_expired"
    TOKEN_EXCHANGE_FAILED = "token_exchange_failed"  # noqa: S105 - a reason code
    IDENTITY_MISSING = "identity_missing"
    IDENTITY_CONFLICT = "identity_conflict"
    ACCOUNT_DISABLED = "account_disabled"
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    SERVICE_UNAVAILABLE = "service_unavailable"
