"""An attempt to sign in, from the click to VA's answer."""

import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Final, Self

from domain.app_challenge import AppChallenge
from domain.front_end import SETTINGS_FRONT_END, FrontEndId
from domain.return_path import ReturnPath
from domain.secret import Secret, hash_of

#: How long the store keeps an attempt after its end, so that a browser that comes late or twice is
#: recognized, and a session whose answer got lost is found.
ATTEMPT_KEPT_FOR: Final = timedelta(hours=1)
#: How long the browser's cookies outlast the attempt.
BROWSER_REMEMBERS_FOR: Final = timedelta(hours=24)
_ID_BYTES: Final = 12


class AttemptRefusal(StrEnum):
    """Why a callback can't complete an attempt. For the audit trail, not for the caller."""

    UNKNOWN = "state_unknown"
    REPLAYED = "state_replayed"
    EXPIRED = "state_expired"
    OTHER_BROWSER = "other_browser"


# Without slots, so that the hash is kept.
@dataclass(frozen=True, kw_only=True)
class LoginSecrets:
    """The two random strings of an attempt, and the values derived from them.

    The browser keeps ``browser`` in a cookie and returns it at the callback. The nonce and the
    PKCE verifier are derived from it. So the store only contains hashes, and reading the store
    isn't enough to complete a sign-in.

    Attributes:
        state: The OAuth `state`, 256 random bits (RFC 6749, section 10.12).
        browser: Binds the attempt to its browser, 256 random bits.
    """

    state: Secret
    browser: Secret

    @cached_property
    def state_hash(self) -> bytes:
        """The hash that identifies the attempt in the store."""
        return hash_of(self.state)

    @property
    def browser_hash(self) -> bytes:
        """The hash that identifies the browser in the store."""
        return hash_of(self.browser)

    @property
    def attempt_id(self) -> str:
        """What the browser's cookies of the attempt are named by: 96 bits of the state's hash."""
        return _base64url(self.state_hash[:_ID_BYTES])

    @property
    def nonce(self) -> str:
        """The OIDC `nonce` (OpenID Connect Core 1.0, section 3.1.2.1)."""
        return self._derived(b"nonce")

    @property
    def code_verifier(self) -> Secret:
        """The PKCE verifier: 43 characters (RFC 7636, section 4.1)."""
        return Secret(self._derived(b"pkce"))

    @property
    def code_challenge(self) -> str:
        """The S256 challenge of the verifier (RFC 7636, section 4.2)."""
        return _base64url(hash_of(self.code_verifier))

    def _derived(self, purpose: bytes) -> str:
        key = self.browser.reveal().encode()
        return _base64url(hmac.digest(key, purpose + b"\0" + self.state_hash, "sha256"))


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginAttempt:
    """What is stored about an attempt while the Veteran is at VA.

    Attributes:
        expires_at: First instant (UTC) at which the attempt can no longer be completed.
        is_restart: Whether the service started it because an earlier attempt couldn't be
            completed. It isn't restarted again.
        replaces: The state's hash of that earlier attempt, if the browser still had its secret.
        consumed_at: Instant (UTC) at which a callback consumed it, or None.
        app_challenge: The challenge of the app that started the sign-in, or None if no app did.
        front_end: Where the sign-in started, and where it ends.
    """

    state_hash: bytes
    browser_hash: bytes
    return_to: ReturnPath | None
    created_at: datetime
    expires_at: datetime
    is_restart: bool = False
    replaces: bytes | None = None
    consumed_at: datetime | None = None
    app_challenge: AppChallenge | None = None
    front_end: FrontEndId = SETTINGS_FRONT_END

    @classmethod
    def begin(
        cls,
        secrets: LoginSecrets,
        *,
        return_to: ReturnPath | None,
        now: datetime,
        lifetime: timedelta,
        is_restart: bool = False,
        replaces: bytes | None = None,
        app_challenge: AppChallenge | None = None,
        front_end: FrontEndId = SETTINGS_FRONT_END,
    ) -> Self:
        """Starts an attempt that can be completed for ``lifetime``."""
        return cls(
            state_hash=secrets.state_hash,
            browser_hash=secrets.browser_hash,
            return_to=return_to,
            created_at=now,
            expires_at=now + lifetime,
            is_restart=is_restart,
            replaces=replaces,
            app_challenge=app_challenge,
            front_end=front_end,
        )

    def refusal(self, *, browser_hash: bytes, now: datetime) -> AttemptRefusal | None:
        """Returns why this browser can't complete the attempt at ``now``, or None if it can.

        Another browser doesn't learn or change the attempt's state.
        """
        if not hmac.compare_digest(self.browser_hash, browser_hash):
            return AttemptRefusal.OTHER_BROWSER
        if self.consumed_at is not None:
            return AttemptRefusal.REPLAYED
        if now >= self.expires_at:
            return AttemptRefusal.EXPIRED
        return None


def attempt_id_of(state: Secret) -> str:
    """Returns the id of the attempt with this `state`."""
    return _base64url(hash_of(state)[:_ID_BYTES])


def _base64url(digest: bytes) -> str:
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
