"""The end of a session before its time."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class RevokedBy(StrEnum):
    """Who or what ended a session. The names stand in the stored rows: never reused."""

    USER = "user"
    OPERATOR = "operator"
    THEFT = "theft"
    LIMIT = "limit"
    UNLINK = "unlink"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """When, by whom and why.

    Attributes:
        at: Instant (UTC).
        reason: A code of ours.
    """

    at: datetime
    by: RevokedBy
    reason: str
