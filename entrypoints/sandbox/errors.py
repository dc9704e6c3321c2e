"""How the simulated VA refuses."""

from typing import Final

INVALID_GRANT: Final = "invalid_grant"
INVALID_REQUEST: Final = "invalid_request"


class RefusalError(Exception):
    """The simulated VA does not do what it was asked."""


class OAuthError(RefusalError):
    """A refusal told to whoever sent the request, as JSON."""

    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        super().__init__(error)
        self.error = error
        self.description = description
        self.status = status


class AuthorizationRefusedError(RefusalError):
    """A refusal told to the client, by sending the browser back to it.

    Attributes:
        state: Left out of the answer when the client sent none.
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
    """The sign-in form names no sign-in that is under way, or nobody who can sign in."""


class InvalidTokenError(RefusalError):
    """The access token is missing, unknown, expired or revoked."""


class InsufficientScopeError(RefusalError):
    """The access token does not cover what was asked for."""


class FaultPlanError(RefusalError):
    """The plan names a fault or a setting that does not exist."""
