"""The rotating secret that keeps a session alive."""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field

from domain.identifiers import SessionId, UserId
from domain.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshToken:
    """A refresh token, read. That we issued it once is certain; whether it is current is not.

    Attributes:
        secret: 256 bits, as text.
    """

    user_id: UserId
    session_id: SessionId
    secret: Secret = field(repr=False)

    @property
    def hash(self) -> bytes:
        """What the store keeps of it."""
        return hashlib.sha256(self.secret.reveal().encode()).digest()

    def successor(self, salt: Secret) -> "RefreshToken":
        """The token that replaces this one.

        It follows from this token and the salt of its rotation, so that a lost answer can be
        given again although only hashes are stored: the salt alone (the store's share) or this
        token alone (the client's share) says nothing of it.
        """
        key = self.secret.reveal().encode()
        digest = hmac.digest(key, b"vetassist/refresh\0" + salt.reveal().encode(), "sha256")
        text = urlsafe_b64encode(digest).rstrip(b"=").decode()
        return RefreshToken(user_id=self.user_id, session_id=self.session_id, secret=Secret(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """Where the refresh tokens of one session stand. All that is stored of them.

    Attributes:
        current: Hash of the token that renews; None while none was handed out.
        previous: Hash of the token before it, or None.
        salt: What made the current one from the previous one, or None.
    """

    current: bytes | None = field(default=None, repr=False)
    previous: bytes | None = field(default=None, repr=False)
    salt: Secret | None = field(default=None, repr=False)
