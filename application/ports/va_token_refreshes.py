"""Port: the lease to refresh a user's VA tokens, inside one unit of work."""

from abc import abstractmethod
from datetime import datetime, timedelta
from typing import Protocol

from domain.identifiers import UserId
from domain.va_token_refresh import KeptVATokens, RefreshLease, TokenGeneration
from domain.va_tokens import SealedVATokens


class VATokenRefreshes(Protocol):
    """One lease at a time on a user's tokens in the VATokenVault.

    Writes under a lease are compare-and-swap: they take effect only if the lease is the newest
    one and the stored tokens are still of its generation. So a sign-in, an unlink, or any other
    change that replaces or destroys the tokens in the meantime wins.
    """

    @abstractmethod
    async def find(self, user_id: UserId) -> KeptVATokens | None:
        """Returns the user's tokens and their refresh state, or None.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def take(
        self, user_id: UserId, generation: TokenGeneration, *, now: datetime, lasts: timedelta
    ) -> RefreshLease | None:
        """Takes the lease on that generation if ``RefreshState.may_be_leased``, or returns None.

        Of several concurrent callers, one gets it. The store's clock decides whether an earlier
        lease has expired, because the clocks of processes can differ by more than a lease lasts.
        ``now`` (UTC) decides whether the refresh was put off.

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
        """Stores the next generation and releases the lease. False if it is no longer held.

        If the refresh token or ID token is None, the stored one stays. With ``retry_at``, the
        tokens are still due for a refresh, but no lease is given before that instant. This counts
        as a failed attempt.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def put_off(self, lease: RefreshLease, *, until: datetime) -> bool:
        """Releases the lease and allows no other before ``until``. False if it is no longer held.

        This counts as a failed attempt.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def require_sign_in(self, lease: RefreshLease, *, now: datetime) -> bool:
        """Releases the lease and allows no other until a sign-in. False if it is no longer held.

        Raises:
            UnavailableError: The store did not answer.
        """
