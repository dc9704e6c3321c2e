"""The rotating token that renews a session."""

import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field

from domain.identifiers import SessionId, UserId
from domain.secret import Secret, hash_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshToken:
    """A parsed refresh token. This service issued it, but it may have been replaced.

    Attributes:
        secret: 256 bits as text.
    """

    user_id: UserId
    session_id: SessionId
    secret: Secret = field(repr=False)

    @property
    def hash(self) -> bytes:
        """The hash that is stored in place of the token."""
        return hash_of(self.secret)

    def successor(self, salt: Secret) -> "RefreshToken":
        """Returns the token that replaces this one.

        The successor is derived from this token and the salt of the rotation. So a lost answer
        can be repeated, although only hashes are stored. Neither the salt (in the store) nor
        this token (in the browser) is enough to compute it.
        """
        key = self.secret.reveal().encode()
        digest = hmac.digest(key, b"vetassist/refresh\0" + salt.reveal().encode(), "sha256")
        text = urlsafe_b64encode(digest).rstrip(b"=").decode()
        return RefreshToken(user_id=self.user_id, session_id=self.session_id, secret=Secret(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """Everything that is stored about one session's refresh tokens.

    Attributes:
        current: Hash of the token that renews the session, or None before one is handed out.
        previous: Hash of the token before it, or None.
        salt: The salt that the current token was derived with, or None.
    """

    current: bytes | None = field(default=None, repr=False)
    previous: bytes | None = field(default=None, repr=False)
    salt: Secret | None = field(default=None, repr=False)
