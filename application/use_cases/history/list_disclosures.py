"""Use case: show a Veteran who used their VA connection, and what for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from application.ports.disclosures import Disclosures
from domain.audit_record import AuditMark
from domain.disclosure import Disclosure
from domain.identifiers import UserId

PAGE_SIZE: Final = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosurePage:
    """One page of the account, newest first.

    Attributes:
        next: Where the next page begins; None when this is the last.
    """

    disclosures: Sequence[Disclosure]
    next: AuditMark | None


@final
class ListDisclosures:
    """Reads the account from the audit trail, so it is complete for as long as the trail is."""

    def __init__(self, *, disclosures: Disclosures) -> None:
        self._disclosures = disclosures

    async def execute(self, user_id: UserId, *, after: AuditMark | None) -> DisclosurePage:
        """One page of the user's account, from behind ``after`` on.

        Raises:
            UnavailableError: Storage did not answer.
        """
        found = await self._disclosures.list_for(user_id, after=after, limit=PAGE_SIZE + 1)
        page = found[:PAGE_SIZE]
        return DisclosurePage(
            disclosures=page, next=page[-1].mark if len(found) > PAGE_SIZE else None
        )
