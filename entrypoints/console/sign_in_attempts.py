"""The attempts of operators to sign in, kept in this process."""

from collections import OrderedDict
from datetime import timedelta
from typing import Final, final

from application.ports.clock import Clock
from domain.login_attempt import LoginAttempt, LoginSecrets

#: How long a sign-in may take.
LIFETIME: Final = timedelta(minutes=10)
#: With more than this, the oldest is dropped.
MOST_ATTEMPTS: Final = 1_000


@final
class SignInAttempts:
    """Each attempt can be used once, by the browser that began it."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._kept: OrderedDict[bytes, LoginAttempt] = OrderedDict()

    def begin(self, secrets: LoginSecrets) -> None:
        """Keep an attempt until it is used or too old."""
        attempt = LoginAttempt.begin(
            secrets, return_to=None, now=self._clock.now(), lifetime=LIFETIME
        )
        self._kept[attempt.state_hash] = attempt
        if len(self._kept) > MOST_ATTEMPTS:
            self._kept.popitem(last=False)

    def take(self, secrets: LoginSecrets) -> bool:
        """Use an attempt up. False if it is unknown, used, too old or another browser's."""
        attempt = self._kept.get(secrets.state_hash)
        if attempt is None:
            return False
        now = self._clock.now()
        if attempt.refusal(browser_hash=secrets.browser_hash, now=now) is not None:
            return False
        del self._kept[attempt.state_hash]
        return True
