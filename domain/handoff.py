"""The hand-over of a session from the callback to the front end."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from domain.identifiers import SessionId, UserId
from domain.secret import Secret, hash_of

#: Short, because the front end redeems the code as soon as its page loads.
HANDOFF_LIFETIME: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffTicket:
    """The hand-over code, and the secret of the browser that may redeem it."""

    code: Secret
    browser: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Handoff:
    """A hand-over code, stored as hashes and bound to the browser that signed in.

    Attributes:
        expires_at: First instant (UTC) at which the code can't be redeemed.
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
        """Creates the hand-over of a session to the holder of ``ticket``."""
        return cls(
            code_hash=hash_of(ticket.code),
            browser_hash=hash_of(ticket.browser),
            user_id=user_id,
            session_id=session_id,
            expires_at=now + HANDOFF_LIFETIME,
        )
