"""Port: how the store is, as far as an operator has to know."""

from abc import abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """What the store says of itself at one moment.

    Attributes:
        now: The store's own clock (UTC).
        outbox: How many tokens wait to be revoked at VA.
        oldest_in_outbox: When the oldest of them was put there; None: none waits.
        oldest_sign_in_end: When the oldest login attempt still kept ended, or will; None: none.
        oldest_session_end: The same of sessions.
        oldest_unsealed: When the oldest event of the audit trail was added that is not sealed yet;
            None: all are sealed.
        newest_seal_at: When a batch of the trail was last sealed; None: never.
        may_rewrite_audit: Whether this role could change or delete rows of the audit trail.
    """

    now: datetime
    outbox: int
    oldest_in_outbox: datetime | None
    oldest_sign_in_end: datetime | None
    oldest_session_end: datetime | None
    oldest_unsealed: datetime | None
    newest_seal_at: datetime | None
    may_rewrite_audit: bool


class VitalSigns(Protocol):
    """Asks the store once, now; cheap enough to be asked every few seconds."""

    @abstractmethod
    async def read(self) -> Vitals:
        """How the store is.

        Raises:
            UnavailableError: It does not answer.
        """
