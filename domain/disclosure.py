"""What a Veteran is told of the use of their VA connection."""

from dataclasses import dataclass
from datetime import datetime

from domain.va_token_use import TokenPurpose


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosureMark:
    """A place in the account; what is older comes after it.

    Attributes:
        occurred_at: Instant (UTC).
        key: Tells apart what happened at the same instant.
    """

    occurred_at: datetime
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """One use of a Veteran's VA token by a back end.

    Attributes:
        mark: Where it stands in the account, and when it was.
        client_name: None when nobody knows the client any more.
        purpose: None for one that the list no longer holds.
    """

    mark: DisclosureMark
    client_name: str | None
    purpose: TokenPurpose | None
    scope: str
