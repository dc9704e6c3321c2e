"""The rules that can be broken."""

from typing import ClassVar


class DomainError(Exception):
    """A value breaks a rule of the domain. The text never repeats the value."""

    code: ClassVar[str] = "invalid_value"


class InvalidICNError(DomainError):
    """Not an Integration Control Number."""

    code: ClassVar[str] = "invalid_icn"


class InvalidReturnPathError(DomainError):
    """Not a path of our own front end."""

    code: ClassVar[str] = "invalid_return_to"


class InvalidServiceClientError(DomainError):
    """A back end cannot be registered like this; the text says why, for the operator."""

    code: ClassVar[str] = "invalid_service_client"


class InvalidAssertionError(DomainError):
    """A client's assertion does not hold.

    Attributes:
        reason: A code of ours, for the audit.
    """

    code: ClassVar[str] = "invalid_client"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
