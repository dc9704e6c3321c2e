"""A signed-in session and the rules that end it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

from domain.identifiers import SessionId, TokenId, UserId
from domain.visitor import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One signed-in session of a user.

    A transition returns a new value, so nothing is stored until a repository
    is asked to store it.

    Attributes:
        token_id: The `jti` of the newest JWT of this session.
        expires_at: First instant (UTC) at which the session is invalid.
        revoked_at: Instant (UTC) of revocation, or None.
    """

    id: SessionId
    user_id: UserId
    token_id: TokenId
    user_agent: str | None
    issued_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None

    @classmethod
    def issue(
        cls,
        *,
        session_id: SessionId,
        user_id: UserId,
        token_id: TokenId,
        visitor: Visitor,
        now: datetime,
        lifetime: timedelta,
    ) -> Self:
        """Start a session that ends ``lifetime`` after ``now``.

        Both ends are whole seconds, as a JWT can say no more (RFC 7519, section 2).
        """
        issued_at = now.replace(microsecond=0)
        return cls(
            id=session_id,
            user_id=user_id,
            token_id=token_id,
            user_agent=visitor.user_agent,
            issued_at=issued_at,
            expires_at=issued_at + lifetime,
        )

    def is_active(self, now: datetime) -> bool:
        """Whether the session admits its holder at ``now``."""
        return self.revoked_at is None and now < self.expires_at

    def revoke(self, now: datetime) -> Self:
        """End the session; a second revocation keeps the first instant."""
        return self if self.revoked_at is not None else replace(self, revoked_at=now)
