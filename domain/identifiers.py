"""Identifiers of users, sessions, tokens and persons."""

import re
from dataclasses import dataclass
from typing import Final, NewType, Self
from uuid import UUID

from domain.errors import InvalidICNError

UserId = NewType("UserId", UUID)
SessionId = NewType("SessionId", UUID)
#: The `jti` of one JWT: at least 128 random bits, so not a UUID (ASVS 5.0, 11.5.1).
TokenId = NewType("TokenId", str)

# Source: vets-api, AppealsApi::IcnParameterValidation.
_ICN: Final = re.compile(r"[0-9]{10}V[0-9]{6}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ICN:
    """VA's Integration Control Number. It identifies one person across all their accounts.

    Raises:
        InvalidICNError: The value isn't ten digits, a V and six digits.
    """

    value: str

    def __post_init__(self) -> None:
        if not _ICN.fullmatch(self.value):
            raise InvalidICNError

    @classmethod
    def parse(cls, value: object) -> Self:
        """Parses an ICN from untrusted input.

        Raises:
            InvalidICNError: The value isn't a string, or isn't an ICN.
        """
        if not isinstance(value, str):
            raise InvalidICNError
        return cls(value)

    def __repr__(self) -> str:
        return "ICN(***)"

    def __str__(self) -> str:
        return "ICN(***)"
