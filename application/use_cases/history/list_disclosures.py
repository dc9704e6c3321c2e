"""Use case: list the uses of a Veteran's VA tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from application.ports.disclosures import Disclosures
from application.ports.user_directory import UserDirectory
from domain.audit_record import AuditMark
from domain.disclosure import Disclosure
from domain.identifiers import UserId

PAGE_SIZE: Final = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosurePage:
    """One page of uses, newest first.

    Attributes:
        next: Where the next page starts, or None if this is the last one.
    """

    disclosures: Sequence[Disclosure]
    next: AuditMark | None


@final
class ListDisclosures:
    """Reads the uses from the audit trail, so the list is as complete as the trail."""

    def __init__(self, *, disclosures: Disclosures, users: UserDirectory) -> None:
        self._disclosures = disclosures
        self._users = users

    async def execute(self, user_id: UserId, *, after: AuditMark | None) -> DisclosurePage:
        """Returns the page of uses that starts after ``after``. It includes merged accounts.

        Raises:
            UnavailableError: The store did not answer.
        """
        found = await self._disclosures.list_for(
            user_id,
            also_of=await self._users.merged_into(user_id),
            after=after,
            limit=PAGE_SIZE + 1,
        )
        page = found[:PAGE_SIZE]
        return DisclosurePage(
            disclosures=page, next=page[-1].mark if len(found) > PAGE_SIZE else None
        )
