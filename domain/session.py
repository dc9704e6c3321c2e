"""A signed-in session and the rules that end it."""

import hmac
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Self

from domain.front_end import SETTINGS_FRONT_END, FrontEndId
from domain.identifiers import SessionId, TokenId, UserId
from domain.outage import Outage
from domain.refresh_token import RefreshToken, Rotation
from domain.revocation import Revocation
from domain.secret import Secret
from domain.session_limits import SessionLimits
from domain.visitor import Visitor

#: How long after a session's end a renewal that began in time may still be running. It may have
#: waited for a connection and a lock, and its clock may be behind another process's clock.
RENEWAL_UNDER_WAY: Final = timedelta(minutes=1)


class RenewalVerdict(StrEnum):
    """What to do with a genuine refresh token of a session."""

    ROTATE = "rotate"
    REPEAT = "repeat"
    ENDED = "ended"
    EXPIRED = "expired"
    THEFT = "theft"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One signed-in session of a user.

    A transition returns a new value, so nothing is stored until a repository
    stores it. Both ends are whole seconds, like the times in our JWTs
    (RFC 7519, section 2). All instants are UTC.

    Attributes:
        token_id: The `jti` of the newest JWT of this session.
        issued_at: When the user signed in.
        renewed_at: When it was last renewed, or issued if it was never renewed.
        expires_at: First instant at which it is invalid, unless it is renewed.
        absolute_expires_at: First instant at which it is invalid even if it is renewed.
        revocation: How it was revoked, or None.
        front_end: From where the user signed in.
    """

    id: SessionId
    user_id: UserId
    token_id: TokenId
    user_agent: str | None
    issued_at: datetime
    renewed_at: datetime
    expires_at: datetime
    absolute_expires_at: datetime
    rotation: Rotation = field(default_factory=Rotation)
    revocation: Revocation | None = None
    front_end: FrontEndId = SETTINGS_FRONT_END

    @classmethod
    def issue(
        cls,
        *,
        session_id: SessionId,
        user_id: UserId,
        token_id: TokenId,
        visitor: Visitor,
        now: datetime,
        limits: SessionLimits,
        front_end: FrontEndId = SETTINGS_FRONT_END,
    ) -> Self:
        """Starts a session at ``now``."""
        start = now.replace(microsecond=0)
        return cls(
            id=session_id,
            user_id=user_id,
            token_id=token_id,
            user_agent=visitor.user_agent,
            issued_at=now,
            renewed_at=now,
            expires_at=start + limits.idle,
            absolute_expires_at=start + limits.absolute,
            front_end=front_end,
        )

    def is_active(self, now: datetime) -> bool:
        """Whether the session is valid at ``now``."""
        return self.revocation is None and now < self.expires_at

    def is_beyond_renewal(self, now: datetime) -> bool:
        """Whether not even a renewal that is already running could extend it after ``now``."""
        return self.revocation is not None or now >= self.expires_at + RENEWAL_UNDER_WAY

    def token_expires_at(self, limits: SessionLimits) -> datetime:
        """Returns when the JWT of the last renewal expires, which is never after the session."""
        return min(self.renewed_at.replace(microsecond=0) + limits.token, self.expires_at)

    def hand_out(self, token: RefreshToken, *, token_id: TokenId) -> Self:
        """Makes ``token`` the only one that renews the session, and ``token_id`` its newest JWT."""
        return replace(self, token_id=token_id, rotation=Rotation(current=token.hash))

    def verdict(
        self,
        token: RefreshToken,
        *,
        now: datetime,
        limits: SessionLimits,
        outage: Outage | None = None,
    ) -> RenewalVerdict:
        """Decides what to do with a refresh token that was issued for this session.

        The current token renews. During the grace, the previous token gets the same successor
        again, because the answer may have been lost. The time of ``outage`` doesn't count,
        because no browser could retry. Any other token was used before: that is theft, unless
        the session has already ended (RFC 9700, section 4.14.2).
        """
        if self.revocation is not None:
            return RenewalVerdict.ENDED
        if now >= self.expires_at:
            return RenewalVerdict.EXPIRED
        if _same(self.rotation.current, token.hash):
            return RenewalVerdict.ROTATE
        in_grace = now < self._grace_ends(limits, outage)
        if in_grace and _same(self.rotation.previous, token.hash):
            return RenewalVerdict.REPEAT
        return RenewalVerdict.THEFT

    def _grace_ends(self, limits: SessionLimits, outage: Outage | None) -> datetime:
        """Returns the instant until which the last renewal can be repeated."""
        ends = self.renewed_at + limits.renew_grace
        if outage is not None and self.renewed_at <= outage.ended_at and ends >= outage.began_at:
            return max(ends, outage.ended_at + limits.renew_grace)
        return ends

    def renew(
        self,
        token: RefreshToken,
        *,
        salt: Secret,
        token_id: TokenId,
        now: datetime,
        limits: SessionLimits,
    ) -> Self:
        """Moves the idle limit and replaces the refresh token with its successor."""
        idle_end = now.replace(microsecond=0) + limits.idle
        return replace(
            self,
            token_id=token_id,
            renewed_at=now,
            expires_at=min(idle_end, self.absolute_expires_at),
            rotation=Rotation(current=token.successor(salt).hash, previous=token.hash, salt=salt),
        )


def _same(stored: bytes | None, shown: bytes) -> bool:
    return stored is not None and hmac.compare_digest(stored, shown)
