"""Port: stored VA tokens, inside one unit of work."""

from abc import abstractmethod
from datetime import datetime
from typing import Protocol

from domain.identifiers import UserId
from domain.va_identity import VAAccount
from domain.va_tokens import SealedVATokens


class VATokenVault(Protocol):
    """Sealed tokens, at most one set per user. The vault never opens them."""

    @abstractmethod
    async def save(
        self, tokens: SealedVATokens, *, account: VAAccount | None, now: datetime
    ) -> None:
        """Replaces the user's tokens with those of a new sign-in, as a new generation.

        If the refresh token or ID token is None, a stored one of the same account stays. A
        replaced refresh token is stored separately for as long as VA accepts it. Leases on the
        old tokens, and their refresh state, are reset.

        Args:
            tokens: The tokens from the sign-in.
            account: The account that signed in, or None if unknown.
            now: The current instant (UTC).

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def reseal(self, tokens: SealedVATokens) -> None:
        """Stores the same tokens, sealed again, for a user that the unit has locked.

        Nothing else changes.

        Raises:
            UnavailableError: The store did not answer; raised here or at commit.
        """

    @abstractmethod
    async def destroy(self, user_id: UserId) -> None:
        """Deletes the user's tokens, including replaced ones.

        Raises:
            UnavailableError: The store did not answer; raised here or at commit.
        """

    @abstractmethod
    async def list_sealed_early(self, *, after: UserId | None, limit: int) -> list[UserId]:
        """Returns up to ``limit`` users after ``after`` with tokens older than data keys, by id.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def count_sealed_early(self) -> int:
        """Returns how many users have tokens older than data keys.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def list_unused(self, *, since: datetime, limit: int) -> list[UserId]:
        """Returns up to ``limit`` users who have tokens but no sign-in after ``since``.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def count_unused(self, *, since: datetime) -> int:
        """Returns how many users have tokens but no sign-in after ``since``.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def find(self, user_id: UserId) -> SealedVATokens | None:
        """Returns the user's tokens, or None.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def list_replaced(self, user_id: UserId) -> list[bytes]:
        """Returns the sealed refresh tokens that later sign-ins replaced, newest first.

        Raises:
            UnavailableError: The store did not answer.
        """
