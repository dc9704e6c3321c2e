"""A VA token that is still to be revoked at VA."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from domain.data_key import WrappedDataKey
from domain.identifiers import UserId

#: After this long nobody tries any more: VA's refresh tokens die unused after 42 days.
GIVE_UP_AFTER: Final = timedelta(days=42)
_FIRST_PAUSE: Final = timedelta(seconds=30)
_LONGEST_PAUSE: Final = timedelta(hours=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class VARevocation:
    """One entry of the outbox, sealed under a key of its own that goes when the entry goes.

    Attributes:
        token: The sealed refresh token, or the access token where there is no other.
        is_refresh_token: Which of the two it is.
        attempts: How often VA has been asked.
        due_at: When to ask next (UTC).
    """

    id: UUID
    user_id: UserId
    key: WrappedDataKey
    token: bytes = field(repr=False)
    is_refresh_token: bool
    created_at: datetime
    due_at: datetime
    attempts: int = 0

    def pause(self) -> timedelta:
        """How long to wait after the newest attempt: twice as long each time, up to six hours."""
        return min(_FIRST_PAUSE * (1 << min(max(self.attempts - 1, 0), 20)), _LONGEST_PAUSE)

    def is_hopeless(self, now: datetime) -> bool:
        """Whether the token has died by itself meanwhile."""
        return now >= self.created_at + GIVE_UP_AFTER
