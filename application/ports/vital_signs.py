"""Port: how the store is, as far as an operator has to know."""

from abc import abstractmethod
from collections.abc import Sequence
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
        newest_seal: Number of the newest sealed batch; 0: none is.
        newest_seal_at: When that was sealed; None: none is.
        missing_months: Months of this one and the next two for which the trail has no room of
            their own, such as ``2026-01``.
        rows_of_no_month: How many rows of the trail lie where no month is, counted up to 10,000.
    """

    now: datetime
    outbox: int
    oldest_in_outbox: datetime | None
    oldest_sign_in_end: datetime | None
    oldest_session_end: datetime | None
    oldest_unsealed: datetime | None
    newest_seal: int
    newest_seal_at: datetime | None
    missing_months: Sequence[str]
    rows_of_no_month: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What the role that asks may do, held against what the service needs.

    Attributes:
        is_owner: Whether it owns the tables, and so may do anything; then the rest is empty.
        missing: What it may not do and has to, each such as ``INSERT on vetassist_sessions``.
        too_much: What it may do, and has not to.
        too_much_on_evidence: The same, on what is evidence.
        may_create_tables: Whether it may make tables where ours are.
    """

    is_owner: bool
    missing: Sequence[str] = ()
    too_much: Sequence[str] = ()
    too_much_on_evidence: Sequence[str] = ()
    may_create_tables: bool = False


class VitalSigns(Protocol):
    """Asks the store once, now."""

    @abstractmethod
    async def read(self) -> Vitals:
        """How the store is; cheap enough to be asked every few seconds.

        Raises:
            UnavailableError: It does not answer.
        """

    @abstractmethod
    async def rights(self) -> Rights:
        """What this role may do.

        Raises:
            UnavailableError: It does not answer.
        """

    @abstractmethod
    async def oldest_passed_by(self) -> datetime | None:
        """When the oldest event was added that sealing has passed by without it; None: none was.

        Looks at the whole trail, which takes its time.

        Raises:
            UnavailableError: It does not answer, or not in time.
        """
