"""Port: the state of the store, for operators."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """The state of the store at one instant.

    Attributes:
        now: The store's own clock (UTC).
        outbox: Number of tokens that wait to be revoked at VA.
        oldest_in_outbox: When the oldest of them was added, or None if there are none.
        oldest_sign_in_end: When the first of the stored attempts can be purged, or None.
        oldest_session_end: The earliest expiry among the stored sessions, or None.
        oldest_unsealed: When the oldest unsealed event was added, or None if all are sealed.
        newest_seal: Number of the newest sealed batch, or 0 if there is none.
        newest_seal_at: When that batch was sealed, or None if there is none.
        missing_months: Which of this month and the next two have no partition in the audit trail,
            such as ``2026-01``.
        rows_of_no_month: Number of audit rows in no month's partition, counted up to 10,000.
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
    """The privileges of the current role, compared with what the service needs.

    Attributes:
        is_owner: Whether it owns the tables. If so, it may do anything, and the rest is empty.
        missing: Privileges that it needs but lacks, such as ``INSERT on vetassist_sessions``.
        too_much: Privileges that it has but doesn't need.
        too_much_on_evidence: The same, on tables that are evidence.
        may_create_tables: Whether it may create tables in our schema.
    """

    is_owner: bool
    missing: Sequence[str] = ()
    too_much: Sequence[str] = ()
    too_much_on_evidence: Sequence[str] = ()
    may_create_tables: bool = False


class VitalSigns(Protocol):
    """Reads the current state of the store."""

    @abstractmethod
    async def read(self) -> Vitals:
        """Reads the vitals. It's cheap enough to call every few seconds.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def rights(self) -> Rights:
        """Returns the privileges of the current role.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def oldest_passed_by(self) -> datetime | None:
        """Returns when the oldest event that sealing has skipped was added, or None.

        It reads the whole audit trail, which can take a while.

        Raises:
            UnavailableError: The store did not answer in time.
        """
