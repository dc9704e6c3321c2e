"""Port: what the audit trail knows of the use of VA's tokens, for showing it."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from domain.audit_record import AuditMark
from domain.disclosure import Disclosure
from domain.identifiers import UserId


class Disclosures(Protocol):
    """The account of one user's disclosures as last committed; one read, no transaction."""

    @abstractmethod
    async def list_for(
        self, user_id: UserId, *, after: AuditMark | None, limit: int
    ) -> Sequence[Disclosure]:
        """Up to ``limit`` of the user's disclosures, newest first, from behind ``after`` on.

        Raises:
            UnavailableError: The store did not answer.
        """
