"""Port: how the service is used, in numbers."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

#: The outcome of a sign-in that opened a session.
SUCCESS = "success"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInCount:
    """How many sign-ins of one hour had one outcome.

    Attributes:
        hour: When the hour began (UTC).
        outcome: ``success``, or the public code of the failure.
    """

    hour: datetime
    outcome: str
    number: int


class ServiceFigures(Protocol):
    """Counts committed rows."""

    @abstractmethod
    async def sign_ins(self, *, since: datetime) -> Sequence[SignInCount]:
        """Counts the sign-ins that ended at or after ``since`` (UTC), oldest hour first.

        Raises:
            UnavailableError: The store did not answer in time.
        """

    @abstractmethod
    async def live_sessions(self, *, now: datetime) -> int:
        """Counts the sessions that are valid at ``now`` (UTC).

        Raises:
            UnavailableError: The store did not answer in time.
        """
