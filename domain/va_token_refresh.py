"""When VA's tokens are refreshed, and by whom."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from domain.identifiers import UserId
from domain.va_identity import VAAccount
from domain.va_tokens import SealedVATokens

#: Longer than a refresh at VA may take (``REFRESH_DEADLINE``), and the writing of what it gave:
#: should the holder of a lease die, somebody else goes on after this long.
LEASE: Final = timedelta(seconds=30)
#: How long a caller waits for somebody else's refresh: for all that it may take.
PATIENCE: Final = timedelta(seconds=25)
#: How long a refresh at VA may take as a whole.
REFRESH_DEADLINE: Final = timedelta(seconds=20)
_FIRST_PAUSE: Final = timedelta(seconds=1)
_LONGEST_PAUSE: Final = timedelta(minutes=5)
_LONGEST_PAUSE_OF_VAS: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenGeneration:
    """Names one set of a user's tokens; no other set has ever the same name.

    Attributes:
        sign_in: The sign-in that its tokens hang on, directly or through refreshes.
        number: Counts the sets of a user since the link was made.
    """

    sign_in: UUID
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshLease:
    """The right to refresh one generation, once.

    Attributes:
        fence: Higher than that of each lease before, so that a late holder is told apart.
        until: When it lapses (UTC), by the clock of who took it.
    """

    user_id: UserId
    generation: TokenGeneration
    fence: int
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshState:
    """Where a user's tokens stand, beside what they are. All instants in UTC.

    Attributes:
        account: Whose sign-in brought them; None for tokens of an earlier phase.
        fence: Of the newest lease; zero before the first.
        lease_until: When the newest lease lapses, by the store's clock; None when it was given
            back.
        needs_sign_in_at: When it turned out that only a new sign-in brings new ones, or None.
        retry_at: VA is not asked before; None when it may be asked at once.
        attempts: Refreshes that failed since the last one that did not.
    """

    generation: TokenGeneration
    account: VAAccount | None
    fence: int = 0
    lease_until: datetime | None = None
    needs_sign_in_at: datetime | None = None
    retry_at: datetime | None = None
    attempts: int = 0

    def is_leased(self, now: datetime) -> bool:
        """Whether somebody is refreshing them at ``now``."""
        return self.lease_until is not None and now < self.lease_until

    def is_put_off(self, now: datetime) -> bool:
        """Whether VA is not to be asked yet."""
        return self.retry_at is not None and now < self.retry_at

    def may_be_leased(self, generation: TokenGeneration, now: datetime) -> bool:
        """Whether a lease on that generation is to be had at ``now``."""
        return (
            self.generation == generation
            and self.needs_sign_in_at is None
            and not self.is_put_off(now)
            and not self.is_leased(now)
        )

    def is_held(self, lease: RefreshLease) -> bool:
        """Whether the lease is still the newest, and on what is stored now."""
        held = (self.generation, self.fence) == (lease.generation, lease.fence)
        return held and self.needs_sign_in_at is None

    def was_written_by(self, lease: RefreshLease) -> bool:
        """Whether what is stored now is what the lease's holder has written."""
        return self.fence == lease.fence and self.has_followed(lease.generation)

    def has_followed(self, generation: TokenGeneration) -> bool:
        """Whether a refresh of the same sign-in has taken that generation's place."""
        ours = self.generation
        return ours.sign_in == generation.sign_in and ours.number > generation.number

    def pause(self, asked_for: timedelta | None) -> timedelta:
        """How long to leave VA alone after one more failure.

        Twice as long each time, up to five minutes; longer when VA asked for it, up to an hour.
        """
        doubled = min(_FIRST_PAUSE * (1 << min(self.attempts, 20)), _LONGEST_PAUSE)
        return max(doubled, min(asked_for or doubled, _LONGEST_PAUSE_OF_VAS))


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptVATokens:
    """A user's tokens as they are stored, and where they stand."""

    sealed: SealedVATokens
    state: RefreshState

    def retry_after(self, now: datetime) -> timedelta | None:
        """When it is worth asking for newer ones again, from ``now``; None when nobody knows."""
        ends = [end for end in (self.state.retry_at, self.state.lease_until) if end is not None]
        return max(max(ends) - now, timedelta()) if ends else None
