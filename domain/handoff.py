"""The hand-over of a session from the callback to the front end, or to an app."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Self

from domain.app_challenge import AppChallenge
from domain.identifiers import SessionId, UserId
from domain.secret import Secret, hash_of

#: Short, because the front end redeems the code as soon as its page loads.
HANDOFF_LIFETIME: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class BrowserMark:
    """The SHA-256 of the secret that a browser keeps in a cookie."""

    digest: bytes = field(repr=False)

    @classmethod
    def of(cls, browser: Secret) -> Self:
        """Computes the mark of a browser's secret."""
        return cls(hash_of(browser))


#: Who may redeem a code: the browser that signed in, or the app that started the sign-in.
HandoffHolder = BrowserMark | AppChallenge


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffTicket:
    """The hand-over code, and who may redeem it.

    Attributes:
        browser: The secret of the browser that signed in.
        app_challenge: The challenge of the app that started the sign-in. If there is one, the app
            redeems the code, and the browser can't.
    """

    code: Secret
    browser: Secret
    app_challenge: AppChallenge | None = None

    @property
    def holder(self) -> HandoffHolder:
        """Who may redeem the code."""
        return self.app_challenge or BrowserMark.of(self.browser)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handoff:
    """A hand-over code, stored as a hash and bound to its holder.

    Attributes:
        expires_at: First instant (UTC) at which the code can't be redeemed.
    """

    code_hash: bytes
    holder: HandoffHolder
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
            holder=ticket.holder,
            user_id=user_id,
            session_id=session_id,
            expires_at=now + HANDOFF_LIFETIME,
        )
