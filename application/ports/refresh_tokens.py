"""Port: refresh tokens as text."""

from abc import abstractmethod
from typing import Protocol

from domain.refresh_token import RefreshToken
from domain.secret import Secret


class RefreshTokens(Protocol):
    """Writes refresh tokens that others can't forge, and reads them back."""

    @abstractmethod
    def write(self, token: RefreshToken) -> Secret:
        """Returns the text of a token. The same token always has the same text."""

    @abstractmethod
    def read(self, text: str) -> RefreshToken:
        """Reads a token that this service wrote. Doesn't check whether it is still current.

        Raises:
            UnauthenticatedError: This service didn't write the text.
        """
