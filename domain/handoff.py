"""A session on its way from the callback to the front end."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from domain.identifiers import SessionId, UserId
from domain.secret import Secret

#: The front end redeems the code as soon as its page loads.
HANDOFF_LIFETIME: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffTicket:
    """What the browser is given: the code, and the mark of the browser that may redeem it."""

    code: Secret
    browser: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Handoff:
    """A one-time code for a session, bound to the browser that signed in. Hashes only.

    Attributes:
        expires_at: First instant (UTC) at which the code is worth nothing.
    """

    code_hash: bytes
    browser_hash: bytes
    user_id: UserId
    session_id: SessionId
    expires_at: datetime

    @classmethod
    def of(
        cls, ticket: HandoffTicket, *, user_id: UserId, session_id: SessionId, now: datetime
    ) -> Self:
        """Hand over a session to the holder of ``ticket``."""
        return cls(
            code_hash=hash_of(ticket.code),
            browser_hash=hash_of(ticket.browser),
            user_id=user_id,
            session_id=session_id,
            expires_at=now + HANDOFF_LIFETIME,
        )


def hash_of(secret: Secret) -> bytes:
    """What the store knows a code, or a browser, by."""
    return hashlib.sha256(secret.reveal().encode()).digest()
