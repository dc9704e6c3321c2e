"""Sessions of operators."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Self

from domain.operator import Operator

#: A session ends if nothing is done with it for this long ...
OPERATOR_IDLE: Final = timedelta(minutes=15)
#: ... and this long after the sign-in in any case.
OPERATOR_ABSOLUTE: Final = timedelta(hours=8)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorSession:
    """One operator, signed in at one browser. Instants are UTC.

    Attributes:
        used_at: When the operator last did anything.
    """

    operator: Operator
    began_at: datetime
    used_at: datetime

    @classmethod
    def begin(cls, operator: Operator, *, now: datetime) -> Self:
        """Starts a session."""
        return cls(operator=operator, began_at=now, used_at=now)

    def is_active(self, now: datetime) -> bool:
        """Whether the session has reached neither limit."""
        return now < min(self.used_at + OPERATOR_IDLE, self.began_at + OPERATOR_ABSOLUTE)

    def used(self, now: datetime) -> Self:
        """Returns the session, used at ``now``."""
        return replace(self, used_at=max(now, self.used_at))
