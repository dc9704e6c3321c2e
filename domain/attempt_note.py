"""What a browser keeps about an attempt that it began."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from domain.front_end import SETTINGS_FRONT_END, FrontEndId
from domain.login_attempt import BROWSER_REMEMBERS_FOR, LoginAttempt, LoginSecrets
from domain.return_path import ReturnPath


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptNote:
    """Shows that the browser began an attempt, after the attempt itself is used or forgotten.

    It completes no sign-in. It only lets the service start another one in the same browser.

    Attributes:
        attempt_id: The id of the attempt.
        forget_at: First instant (UTC) at which the note means nothing.
        can_restart: Whether the attempt can be restarted: once, and not if it is a restart itself,
            or an app's, whose challenge the note doesn't have.
        front_end: Where the sign-in started, and where it ends.
    """

    attempt_id: str
    forget_at: datetime
    can_restart: bool
    return_to: ReturnPath | None
    front_end: FrontEndId = SETTINGS_FRONT_END

    @classmethod
    def of(cls, attempt: LoginAttempt, secrets: LoginSecrets) -> Self:
        """Creates the note of an attempt that starts."""
        return cls(
            attempt_id=secrets.attempt_id,
            # Whole seconds, as it is written.
            forget_at=(attempt.expires_at + BROWSER_REMEMBERS_FOR).replace(microsecond=0),
            can_restart=not attempt.is_restart and attempt.app_challenge is None,
            return_to=attempt.return_to,
            front_end=attempt.front_end,
        )

    def spent(self) -> Self:
        """Returns the note of the same attempt after its restart."""
        return replace(self, can_restart=False)

    def is_current(self, now: datetime) -> bool:
        """Whether the note still means something at ``now``."""
        return now < self.forget_at
