"""Port: whose turn it is to refresh a user's tokens, inside one unit of work."""

from abc import abstractmethod
from datetime import datetime, timedelta
from typing import Protocol

from domain.identifiers import UserId
from domain.va_token_refresh import KeptVATokens, RefreshLease, TokenGeneration
from domain.va_tokens import SealedVATokens


class VATokenRefreshes(Protocol):
    """One lease at a time on the tokens that a VATokenVault keeps.

    What is stored by a lease is stored by compare-and-swap: only its newest holder writes, and
    only where the tokens are the generation that it was given for. So a sign-in, an unlink and
    whatever else replaces or destroys the tokens meanwhile wins.
    """

    @abstractmethod
    async def find(self, user_id: UserId) -> KeptVATokens | None:
        """The user's tokens and where they stand, or None.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def take(
        self, user_id: UserId, generation: TokenGeneration, *, now: datetime, lasts: timedelta
    ) -> RefreshLease | None:
        """The lease on that generation, if ``RefreshState.may_be_leased``.

        Of any number of callers at once one gets it. Whether another lease has lapsed is judged
        by the store's clock, as those of several processes may be further apart than a lease
        lasts; whether the tokens are put off is judged at ``now`` (UTC).

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def renew(
        self,
        lease: RefreshLease,
        tokens: SealedVATokens,
        *,
        now: datetime,
        retry_at: datetime | None = None,
    ) -> bool:
        """Store the next generation and give the lease back; False when it is not held any more.

        A refresh or ID token that is left out keeps the stored one. With ``retry_at`` the
        tokens are still due: no lease on them is given out before, and it counts as an attempt.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def put_off(self, lease: RefreshLease, *, until: datetime) -> bool:
        """Give the lease back, and no other out until then; False when it is not held any more.

        Counts one more attempt.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def require_sign_in(self, lease: RefreshLease, *, now: datetime) -> bool:
        """Give the lease back, and no other out until a sign-in; False when it is not held.

        Raises:
            UnavailableError: The store did not answer.
        """
