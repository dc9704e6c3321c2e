"""Use case: read the audit trail, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from application.ports.audit_history import AuditHistory
from domain.audit_record import AuditFilter, AuditMark, AuditRecord

PAGE_SIZE: Final = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadHistoryCommand:
    """Which events to show, and how many at once.

    Attributes:
        after: Where the page begins; None: with the newest.
    """

    wanted: AuditFilter
    after: AuditMark | None = None
    page_size: int = PAGE_SIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage:
    """One page, newest first.

    Attributes:
        next: Where the next page begins; None when this is the last.
    """

    records: Sequence[AuditRecord]
    next: AuditMark | None


@final
class ReadHistory:
    """Complete for as long as the trail is kept."""

    def __init__(self, *, history: AuditHistory) -> None:
        self._history = history

    async def execute(self, command: ReadHistoryCommand) -> HistoryPage:
        """One page of the trail.

        Raises:
            UnavailableError: Storage did not answer.
        """
        size = command.page_size
        found = await self._history.list(command.wanted, after=command.after, limit=size + 1)
        page = found[:size]
        return HistoryPage(records=page, next=page[-1].mark if len(found) > size else None)
