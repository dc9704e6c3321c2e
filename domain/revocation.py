"""The revocation of a session."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class RevokedBy(StrEnum):
    """Who or what revoked a session. The values are stored and are never reused."""

    USER = "user"
    OPERATOR = "operator"
    THEFT = "theft"
    LIMIT = "limit"
    UNLINK = "unlink"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """When a session was revoked, by whom and why.

    Attributes:
        at: Instant (UTC).
        reason: Our own code.
    """

    at: datetime
    by: RevokedBy
    reason: str
