"""What a verified VetAssist JWT says of its session."""

from dataclasses import dataclass
from datetime import datetime

from domain.identifiers import SessionId, UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionClaims:
    """The claims of one VetAssist JWT that the service acts on. Thousands are remembered.

    Attributes:
        valid_from: The later of `iat` and `nbf` (UTC).
        expires_at: `exp` (UTC): the first instant at which the JWT is invalid.
    """

    user_id: UserId
    session_id: SessionId
    valid_from: datetime
    expires_at: datetime
