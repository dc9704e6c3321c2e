"""How long a session may last."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

#: The least warning before a limit strikes (WCAG 2.2, success criterion 2.2.1).
LEAST_WARNING: Final = timedelta(seconds=20)
#: Long enough to read the question and answer it.
DEFAULT_WARNING: Final = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimits:
    """Every limit of a session, in one value.

    The defaults are the limits of NIST SP 800-63B, section 4.2.3 (AAL2): 12 hours, and 30 minutes
    without activity. Its fourth revision allows 24 hours and one hour.

    Attributes:
        idle: A session that is not renewed for this long ends.
        absolute: A session ends this long after its sign-in, whatever happens.
        token: How long one JWT lasts; never past the session's own end.
        renew_grace: How long a refresh token that was just replaced still gets its successor,
            so that a lost answer signs nobody out.
        warning: How long before the end the user is to be warned.

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
            raise ValueError("the idle limit must be positive and at most the absolute one")
        if not LEAST_WARNING <= self.warning < min(self.idle, self.token):
            raise ValueError("the warning must come at least 20 seconds before the end")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOutlook:
    """What lies ahead of a session, as a front end needs to know it. All instants in UTC.

    Attributes:
        idle_expires_at: When it ends unless it is renewed.
        absolute_expires_at: When it ends in any case.
        can_extend: Whether renewing would move its end.
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
        """The outlook of a session with those ends; the warning comes before the first."""
        return cls(
            idle_expires_at=expires_at,
            absolute_expires_at=absolute_expires_at,
            can_extend=min(token_expires_at, expires_at) < absolute_expires_at,
            warn_at=min(token_expires_at, expires_at) - limits.warning,
        )
