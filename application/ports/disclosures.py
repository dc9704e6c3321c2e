"""Port: the recorded uses of a user's VA tokens."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from domain.audit_record import AuditMark
from domain.disclosure import Disclosure
from domain.identifiers import UserId


class Disclosures(Protocol):
    """The committed uses. Each call is one read without a transaction."""

    @abstractmethod
    async def list_for(
        self,
        user_id: UserId,
        *,
        also_of: frozenset[UserId] = frozenset(),
        after: AuditMark | None,
        limit: int,
    ) -> Sequence[Disclosure]:
        """Returns up to ``limit`` uses of the user's tokens after ``after``, newest first.

        Uses of the tokens of ``also_of`` are included.

        Raises:
            UnavailableError: The store did not answer.
        """
