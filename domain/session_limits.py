"""How long a session may last."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

#: The shortest warning before a session ends (WCAG 2.2, success criterion 2.2.1).
LEAST_WARNING: Final = timedelta(seconds=20)
#: Long enough to read the question and answer it.
DEFAULT_WARNING: Final = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimits:
    """All limits of a session.

    The defaults are the limits of NIST SP 800-63B, section 4.2.3 (AAL2): 12 hours, and 30 minutes
    without activity. Its fourth revision allows 24 hours and one hour.

    Attributes:
        idle: A session ends if it isn't renewed for this long.
        absolute: A session ends this long after its sign-in, even if it is renewed.
        token: How long a JWT lasts. It never outlives its session.
        renew_grace: How long a replaced refresh token still gets its successor, so that a lost
            answer doesn't sign the user out.
        warning: How long before the end the user is warned.

    Raises:
        ValueError: The limits contradict each other.
    """

    idle: timedelta = timedelta(minutes=30)
    absolute: timedelta = timedelta(hours=12)
    token: timedelta = timedelta(minutes=30)
    renew_grace: timedelta = timedelta(seconds=30)
    warning: timedelta = DEFAULT_WARNING

    def __post_init__(self) -> None:
        if not timedelta() < self.idle <= self.absolute:
            raise ValueError("the idle limit must be positive and at most the absolute limit")
        if not LEAST_WARNING <= self.warning < min(self.idle, self.token):
            raise ValueError("the warning must be at least 20 seconds, and less than each limit")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOutlook:
    """When a session ends, for the front end. All instants are UTC.

    Attributes:
        idle_expires_at: When it ends if it isn't renewed.
        absolute_expires_at: When it ends even if it is renewed.
        can_extend: Whether a renewal would move its end.
        warn_at: When to warn the user.
    """

    idle_expires_at: datetime
    absolute_expires_at: datetime
    can_extend: bool
    warn_at: datetime

    @classmethod
    def of(
        cls,
        *,
        token_expires_at: datetime,
        expires_at: datetime,
        absolute_expires_at: datetime,
        limits: SessionLimits,
    ) -> Self:
        """Returns the outlook for these ends. The warning comes before the first of them."""
        return cls(
            idle_expires_at=expires_at,
            absolute_expires_at=absolute_expires_at,
            can_extend=min(token_expires_at, expires_at) < absolute_expires_at,
            warn_at=min(token_expires_at, expires_at) - limits.warning,
        )
