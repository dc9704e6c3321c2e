"""The claims of a verified VetAssist JWT."""

from dataclasses import dataclass
from datetime import datetime

from domain.identifiers import ICN, SessionId, TokenId, UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionClaims:
    """The claims of one VetAssist JWT.

    Attributes:
        issued_at: `iat` (UTC).
        expires_at: `exp` (UTC): the first instant at which the JWT is invalid.
        icn: None if the operator leaves it out of JWTs.
    """

    user_id: UserId
    session_id: SessionId
    token_id: TokenId
    issued_at: datetime
    expires_at: datetime
    icn: ICN | None
