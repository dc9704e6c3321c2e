"""Port: random secrets."""

from abc import abstractmethod
from typing import Protocol
from uuid import UUID

from domain.secret import Secret


class SecretSource(Protocol):
    """Randomness from a cryptographically secure generator."""

    @abstractmethod
    def token(self) -> Secret:
        """Returns 256 random bits as 43 characters of base64url without padding."""

    @abstractmethod
    def key(self) -> bytes:
        """Returns 256 random bits for a key."""

    @abstractmethod
    def uuid(self) -> UUID:
        """Returns a random identifier (RFC 9562, version 4), which isn't a secret."""
