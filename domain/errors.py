"""Errors for values that break a rule of the domain."""

from typing import ClassVar


class DomainError(Exception):
    """A value breaks a rule of the domain. The message never repeats the value."""

    code: ClassVar[str] = "invalid_value"


class InvalidICNError(DomainError):
    """The value isn't an Integration Control Number (ICN)."""

    code: ClassVar[str] = "invalid_icn"


class InvalidUserSearchError(DomainError):
    """A text can't be looked for. The message says why, without the text."""

    code: ClassVar[str] = "invalid_search"


class InvalidOperatorError(DomainError):
    """The text isn't the name of an operator. The message says why."""

    code: ClassVar[str] = "invalid_operator"


class InvalidReasonError(DomainError):
    """The text isn't an operator's reason. The message says why."""

    code: ClassVar[str] = "invalid_reason"


class InvalidReturnPathError(DomainError):
    """The value isn't a path of our own front end."""

    code: ClassVar[str] = "invalid_return_to"


class InvalidAppChallengeError(DomainError):
    """The value isn't a PKCE challenge of the method S256."""

    code: ClassVar[str] = "invalid_code_challenge"


class InvalidAppVerifierError(DomainError):
    """The value isn't a PKCE verifier."""

    code: ClassVar[str] = "invalid_code_verifier"


class InvalidServiceClientError(DomainError):
    """A client can't be registered like this. The message tells the operator why."""

    code: ClassVar[str] = "invalid_service_client"


class InvalidFrontEndError(DomainError):
    """A front end can't be registered like this. The message tells the operator why."""

    code: ClassVar[str] = "invalid_front_end"


class UnknownFrontEndError(DomainError):
    """A sign-in names a front end that isn't registered, or is disabled."""

    code: ClassVar[str] = "unknown_front_end"


class InvalidAssertionError(DomainError):
    """A client's assertion isn't valid.

    Attributes:
        reason: Our own code, for the audit trail.
    """

    code: ClassVar[str] = "invalid_client"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
