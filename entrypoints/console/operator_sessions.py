"""The sessions of operators, kept in this process: a restart ends them."""

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import Final, final

from application.ports.clock import Clock
from application.ports.secret_source import SecretSource
from domain.operator import Operator
from domain.operator_session import OperatorSession
from domain.secret import Secret, hash_of

#: With more than this, the one that was used longest ago ends.
MOST_SESSIONS: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A session, and the secret that its forms carry."""

    session: OperatorSession
    form_secret: Secret = field(repr=False)

    @property
    def operator(self) -> Operator:
        """Who is signed in."""
        return self.session.operator


@final
class OperatorSessions:
    """Finds sessions by the secrets that browsers keep. It keeps only hashes of those."""

    def __init__(self, *, secrets: SecretSource, clock: Clock) -> None:
        self._secrets = secrets
        self._clock = clock
        self._kept: OrderedDict[bytes, SignedIn] = OrderedDict()

    def begin(self, session: OperatorSession) -> Secret:
        """Keep a session. Returns the secret for the browser."""
        browser = self._secrets.token()
        self._keep(hash_of(browser), SignedIn(session=session, form_secret=self._secrets.token()))
        return browser

    def use(self, browser: Secret) -> SignedIn | None:
        """The session of this browser, which thereby counts as used; None if it ended."""
        key, now = hash_of(browser), self._clock.now()
        found = self._kept.pop(key, None)
        if found is None or not found.session.is_active(now):
            return None
        found = replace(found, session=found.session.used(now))
        self._keep(key, found)
        return found

    def end(self, browser: Secret) -> None:
        """End the session of this browser, if there is one."""
        self._kept.pop(hash_of(browser), None)

    def _keep(self, key: bytes, signed_in: SignedIn) -> None:
        self._kept[key] = signed_in
        if len(self._kept) > MOST_SESSIONS:
            self._kept.popitem(last=False)
