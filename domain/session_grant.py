"""The tokens that a browser gets for a session."""

from dataclasses import dataclass, field
from datetime import datetime

from domain.secret import Secret
from domain.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionGrant:
    """A session with its newest JWT and the refresh token for the next one.

    Attributes:
        token_expires_at: First instant (UTC) at which the JWT is invalid.
    """

    session: Session = field(repr=False)
    token: Secret
    token_expires_at: datetime
    refresh_token: Secret
