"""Port: letting go of what is past its retention."""

from abc import abstractmethod
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from domain.audit_event import AuditEvent

#: What the audit says of so many rows that are removed.
Note = Callable[[int], AuditEvent]


class Purge(Protocol):
    """Removes in small batches. Several may run at once: none waits for another.

    A batch of any rows and its audit stand together or not at all.
    """

    @abstractmethod
    async def sessions(self, *, ended_before: datetime, limit: int, note: Note) -> int:
        """Remove up to ``limit`` sessions that ended or were revoked before then; how many.

        A session that still stands is never among them.

        Raises:
            UnavailableError: The store did not answer.
        """

    @abstractmethod
    async def sign_ins(self, *, ended_before: datetime, limit: int, note: Note) -> int:
        """Remove up to ``limit`` login attempts, one-time codes and used assertions of before then.

        Raises:
            UnavailableError: The store did not answer.
        """
