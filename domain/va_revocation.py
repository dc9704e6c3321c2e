"""VA tokens that wait to be revoked."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from domain.data_key import WrappedDataKey
from domain.identifiers import UserId

#: When to stop trying. VA's refresh tokens expire after 42 days without use.
GIVE_UP_AFTER: Final = timedelta(days=42)
_FIRST_PAUSE: Final = timedelta(seconds=30)
_LONGEST_PAUSE: Final = timedelta(hours=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class VARevocation:
    """One entry of the outbox, sealed under a key of its own that is deleted with the entry.

    Attributes:
        token: The sealed refresh token, or the access token if there is no refresh token.
        is_refresh_token: Whether ``token`` is a refresh token.
        attempts: How often VA was asked.
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
        """Returns how long to wait after the last attempt.

        The pause doubles each time, up to six hours.
        """
        return min(_FIRST_PAUSE * (1 << min(max(self.attempts - 1, 0), 20)), _LONGEST_PAUSE)

    def is_hopeless(self, now: datetime) -> bool:
        """Whether the token has expired on its own by now."""
        return now >= self.created_at + GIVE_UP_AFTER
