"""Port: encryption of VA's tokens."""

from abc import abstractmethod
from typing import Protocol

from domain.identifiers import UserId
from domain.secret import Secret
from domain.va_tokens import TokenField


class SealBrokenError(Exception):
    """A sealed token does not open: altered, moved, or under a key that is not here.

    Says no more, so that it tells an attacker nothing.
    """


class TokenCipher(Protocol):
    """Seals a token so that it opens only as the same field of the same user."""

    @abstractmethod
    def seal(self, token: Secret, *, user_id: UserId, field: TokenField) -> bytes:
        """Encrypt under the newest key; the key's id travels with the result. ASCII."""

    @abstractmethod
    def open(self, sealed: bytes, *, user_id: UserId, field: TokenField) -> Secret:
        """Decrypt.

        Raises:
            SealBrokenError: It does not open.
        """
