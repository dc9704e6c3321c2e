"""The errors with which the simulated VA refuses a request."""

from typing import Final

INVALID_GRANT: Final = "invalid_grant"
INVALID_REQUEST: Final = "invalid_request"


class RefusalError(Exception):
    """The simulated VA refused the request."""


class OAuthError(RefusalError):
    """A refusal that is returned to the sender of the request as JSON."""

    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        super().__init__(error)
        self.error = error
        self.description = description
        self.status = status


class AuthorizationRefusedError(RefusalError):
    """A refusal that is returned to the client by redirecting the browser to it.

    Attributes:
        state: The client's ``state``. If None, the answer has no ``state``.
    """

    def __init__(
        self, error: str, description: str, *, redirect_uri: str, state: str | None
    ) -> None:
        super().__init__(error)
        self.error = error
        self.description = description
        self.redirect_uri = redirect_uri
        self.state = state


class UnknownRequestError(RefusalError):
    """The sign-in form names an unknown sign-in, or a person who can't sign in."""


class InvalidTokenError(RefusalError):
    """The access token is missing, unknown, expired or revoked."""


class InsufficientScopeError(RefusalError):
    """The access token doesn't cover the requested scope."""


class FaultPlanError(RefusalError):
    """The plan names a fault or a setting that doesn't exist."""
