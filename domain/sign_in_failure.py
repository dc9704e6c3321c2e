"""How a sign-in can end without a session."""

from enum import StrEnum


class SignInFailure(StrEnum):
    """The error code for the front end. The values are part of the public contract.

    The line below each one goes into docs/reference.md.
    """

    ACCESS_DENIED = "access_denied"
    """VA didn't allow the sign-in: the Veteran declined, or VA's policy did."""
    LOGIN_EXPIRED = "login_expired"
    """The attempt is unknown, used, too old, or another browser's."""
    TOO_MANY_LOGINS = "too_many_logins"
    """Too many sign-ins were started from this address within a minute."""
    TOKEN_EXCHANGE_FAILED = "token_exchange_failed"  # noqa: S105 - a reason code
    """VA's answer or ID token isn't acceptable."""
    IDENTITY_MISSING = "identity_missing"
    """VA sent no ICN, or an invalid one."""
    IDENTITY_CONFLICT = "identity_conflict"
    """The VA account already belongs to another user."""
    ACCOUNT_DISABLED = "account_disabled"
    """An operator disabled the user."""
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    """VA doesn't answer or is overloaded, or too many sign-ins are in progress there."""
    SERVICE_UNAVAILABLE = "service_unavailable"
    """The service itself failed, VA doesn't accept its settings, or the front end isn't served."""
