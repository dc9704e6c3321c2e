"""Port: sealing VA tokens."""

from abc import abstractmethod
from typing import Protocol

from domain.data_key import DataKey
from domain.identifiers import UserId
from domain.secret import Secret
from domain.va_tokens import TokenField


class SealBrokenError(Exception):
    """A sealed value doesn't open: it was altered or moved, or its key isn't available.

    It has no details, because they could help an attacker.
    """


class TokenCipher(Protocol):
    """Seals a token so that it only opens as the same field of the same user."""

    @abstractmethod
    def seal(self, token: Secret, *, key: DataKey, field: TokenField) -> bytes:
        """Encrypts under the user's key. The result is ASCII and contains the key's version."""

    @abstractmethod
    def open(
        self, sealed: bytes, *, user_id: UserId, key: DataKey | None, field: TokenField
    ) -> Secret:
        """Decrypts. Tokens that are older than data keys need no key.

        Raises:
            SealBrokenError: It doesn't open.
        """

    @abstractmethod
    def is_current(self, sealed: bytes) -> bool:
        """Whether it has the format that ``seal`` currently produces."""
