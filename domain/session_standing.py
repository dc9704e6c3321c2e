"""What a validation needs to know about a session."""

from dataclasses import dataclass
from datetime import datetime

from domain.front_end import SETTINGS_FRONT_END, FrontEndId
from domain.identifiers import SessionId, UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStanding:
    """A session as the hot path reads it. All instants are UTC.

    Attributes:
        expires_at: First instant at which it is invalid, unless it is renewed.
        absolute_expires_at: First instant at which it is invalid even if it is renewed.
        front_end: From where the user signed in.
    """

    session_id: SessionId
    user_id: UserId
    issued_at: datetime
    renewed_at: datetime
    expires_at: datetime
    absolute_expires_at: datetime
    is_revoked: bool
    front_end: FrontEndId = SETTINGS_FRONT_END

    def is_active(self, now: datetime) -> bool:
        """Whether the session is valid at ``now``."""
        return not self.is_revoked and now < self.expires_at
