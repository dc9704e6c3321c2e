"""Port: encryption of VA's tokens."""

from abc import abstractmethod
from typing import Protocol

from domain.data_key import DataKey
from domain.identifiers import UserId
from domain.secret import Secret
from domain.va_tokens import TokenField


class SealBrokenError(Exception):
    """What was sealed does not open: altered, moved, or under a key that is not here.

    Says no more, so that it tells an attacker nothing.
    """


class TokenCipher(Protocol):
    """Seals a token so that it opens only as the same field of the same user."""

    @abstractmethod
    def seal(self, token: Secret, *, key: DataKey, field: TokenField) -> bytes:
        """Encrypt under the user's key; the key's version travels with the result. ASCII."""

    @abstractmethod
    def open(
        self, sealed: bytes, *, user_id: UserId, key: DataKey | None, field: TokenField
    ) -> Secret:
        """Decrypt. Tokens from before there were data keys open without one.

        Raises:
            SealBrokenError: It does not open.
        """

    @abstractmethod
    def is_current(self, sealed: bytes) -> bool:
        """Whether it is sealed as ``seal`` does it now."""
