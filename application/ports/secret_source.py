"""Port: what nobody can guess."""

from abc import abstractmethod
from typing import Protocol
from uuid import UUID

from domain.secret import Secret


class SecretSource(Protocol):
    """Randomness from a cryptographically secure generator."""

    @abstractmethod
    def token(self) -> Secret:
        """256 random bits as 43 characters of base64url without padding."""

    @abstractmethod
    def key(self) -> bytes:
        """256 random bits for a key."""

    @abstractmethod
    def uuid(self) -> UUID:
        """A new random identifier (RFC 9562, version 4); no secret."""
