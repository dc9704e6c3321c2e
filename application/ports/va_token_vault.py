"""Port: VA's tokens at rest, inside one unit of work."""

from abc import abstractmethod
from datetime import datetime
from typing import Protocol

from domain.identifiers import UserId
from domain.va_identity import VAAccount
from domain.va_tokens import SealedVATokens


class VATokenVault(Protocol):
    """At most one set of sealed tokens a user. What they say is not looked at."""

    @abstractmethod
    async def save(
        self, tokens: SealedVATokens, *, account: VAAccount | None, now: datetime
    ) -> None:
        """Replace the user's tokens by those of a new sign-in, with which a generation begins.

        A refresh token that is left out keeps the stored one, and an ID token likewise, where
        they are of the same account. A refresh token that is replaced is kept beside, for as
        long as VA takes it. A lease on the tokens before is worth nothing any more, and so is
        all that its holders noted.

        Args:
            tokens: What the sign-in brought.
            account: Who signed in; None when nobody knows.
            now: When.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def reseal(self, tokens: SealedVATokens) -> None:
        """Store the same tokens sealed anew, for a user that the unit holds; all else stays.

        Raises:
            UnavailableError: The store did not answer; raised here or at commit.
        """

    @abstractmethod
    async def destroy(self, user_id: UserId) -> None:
        """Remove the user's tokens, those that were replaced included.

        Raises:
            UnavailableError: The store did not answer; raised here or at commit.
        """

    @abstractmethod
    async def list_sealed_early(self, *, after: UserId | None, limit: int) -> list[UserId]:
        """Up to ``limit`` users, by id and after ``after``, with tokens older than data keys.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def count_sealed_early(self) -> int:
        """How many users ``list_sealed_early`` has to list.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def list_unused(self, *, since: datetime, limit: int) -> list[UserId]:
        """Up to ``limit`` users with tokens who have not signed in after ``since``.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def count_unused(self, *, since: datetime) -> int:
        """How many users ``list_unused`` has to list.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def find(self, user_id: UserId) -> SealedVATokens | None:
        """The user's tokens, or None.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def list_replaced(self, user_id: UserId) -> list[bytes]:
        """The user's refresh tokens that later sign-ins replaced, sealed, newest first.

        Raises:
            UnavailableError: The store did not answer.
        """
