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
