"""Port: refresh tokens as clients hold them."""

from abc import abstractmethod
from typing import Protocol

from domain.refresh_token import RefreshToken
from domain.secret import Secret


class RefreshTokens(Protocol):
    """Writes refresh tokens so that nobody else can, and reads them back."""

    @abstractmethod
    def write(self, token: RefreshToken) -> Secret:
        """The text that a client keeps; the same for the same token."""

    @abstractmethod
    def read(self, text: str) -> RefreshToken:
        """A token that this service wrote once. Whether it still renews is not checked.

        Raises:
            UnauthenticatedError: Not written by this service.
        """
