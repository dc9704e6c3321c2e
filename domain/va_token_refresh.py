"""When VA's tokens are refreshed, and by whom."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from domain.identifiers import UserId
from domain.va_identity import VAAccount
from domain.va_tokens import SealedVATokens

#: Longer than a refresh at VA (``REFRESH_DEADLINE``) and storing its result may take. If the holder
#: of a lease dies, another process can take over after this long.
LEASE: Final = timedelta(seconds=30)
#: How long a caller waits while another process refreshes.
PATIENCE: Final = timedelta(seconds=25)
#: The deadline for a whole refresh at VA.
REFRESH_DEADLINE: Final = timedelta(seconds=20)
_FIRST_PAUSE: Final = timedelta(seconds=1)
_LONGEST_PAUSE: Final = timedelta(minutes=5)
_LONGEST_RETRY_AFTER: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenGeneration:
    """Identifies one set of a user's tokens. No two sets have the same generation.

    Attributes:
        sign_in: The sign-in that the tokens come from, directly or through refreshes.
        number: Counts the user's sets of tokens since the link was created.
    """

    sign_in: UUID
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshLease:
    """The right to refresh one generation, once.

    Attributes:
        fence: Higher than the fence of every earlier lease, so that a late holder is detected.
        until: When it expires (UTC), by the clock of the process that took it.
    """

    user_id: UserId
    generation: TokenGeneration
    fence: int
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshState:
    """The refresh state of a user's tokens. All instants are UTC.

    Attributes:
        account: The account that signed in, or None for tokens of an earlier phase.
        fence: Fence of the newest lease, or 0 before the first one.
        lease_until: When the newest lease expires, by the store's clock. None if it was released.
        needs_sign_in_at: When it became known that the user must sign in again, or None.
        retry_at: VA isn't asked before this instant. None: it may be asked at once.
        attempts: Failed refreshes since the last successful one.
    """

    generation: TokenGeneration
    account: VAAccount | None
    fence: int = 0
    lease_until: datetime | None = None
    needs_sign_in_at: datetime | None = None
    retry_at: datetime | None = None
    attempts: int = 0

    def is_leased(self, now: datetime) -> bool:
        """Whether a process holds the lease at ``now``."""
        return self.lease_until is not None and now < self.lease_until

    def is_put_off(self, now: datetime) -> bool:
        """Whether VA must not be asked yet."""
        return self.retry_at is not None and now < self.retry_at

    def may_be_leased(self, generation: TokenGeneration, now: datetime) -> bool:
        """Whether a lease on that generation can be taken at ``now``."""
        return (
            self.generation == generation
            and self.needs_sign_in_at is None
            and not self.is_put_off(now)
            and not self.is_leased(now)
        )

    def is_held(self, lease: RefreshLease) -> bool:
        """Whether the lease is the newest one, and on the tokens that are stored now."""
        held = (self.generation, self.fence) == (lease.generation, lease.fence)
        return held and self.needs_sign_in_at is None

    def was_written_by(self, lease: RefreshLease) -> bool:
        """Whether the lease's holder wrote the tokens that are stored now."""
        return self.fence == lease.fence and self.has_followed(lease.generation)

    def has_followed(self, generation: TokenGeneration) -> bool:
        """Whether a refresh of the same sign-in has replaced that generation."""
        ours = self.generation
        return ours.sign_in == generation.sign_in and ours.number > generation.number

    def pause(self, asked_for: timedelta | None) -> timedelta:
        """Returns how long to wait after another failure before asking VA again.

        The pause doubles each time, up to five minutes. VA can ask for more, up to an hour.
        """
        doubled = min(_FIRST_PAUSE * (1 << min(self.attempts, 20)), _LONGEST_PAUSE)
        return max(doubled, min(asked_for or doubled, _LONGEST_RETRY_AFTER))


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptVATokens:
    """A user's stored tokens and their refresh state."""

    sealed: SealedVATokens
    state: RefreshState

    def retry_after(self, now: datetime) -> timedelta | None:
        """Returns when to ask for newer tokens again, from ``now``, or None if that's unknown."""
        ends = [end for end in (self.state.retry_at, self.state.lease_until) if end is not None]
        return max(max(ends) - now, timedelta()) if ends else None
