"""What is stored about a user, for the operator who helps them."""

from dataclasses import dataclass
from datetime import datetime

from domain.identifiers import UserId
from domain.session import Session
from domain.user import User
from domain.va_identity import VAAccount


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSummary:
    """A user as a search finds them.

    Attributes:
        created_at: Instant (UTC). An account of an earlier phase may have None.
    """

    user: User
    created_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAccount:
    """An account at the provider that is an alias of the user. Instants are UTC."""

    account: VAAccount
    created_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VALink:
    """The VA tokens that are stored for a user. They stay sealed.

    Attributes:
        account: The account that signed in, or None if unknown.
        scope: What the Veteran granted, separated by spaces.
        expires_at: When the access token expires (UTC).
        needs_sign_in: Whether no back end can use them until the Veteran signs in again.
    """

    account: VAAccount | None
    scope: str
    expires_at: datetime
    needs_sign_in: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRecord:
    """A user with everything that belongs to them, except for their events.

    Attributes:
        accounts: Last seen first.
        link: None if no VA tokens are stored.
        sessions: The active ones first, and each kind by the time of the sign-in, newest first.
        has_more_sessions: Whether there are more than these.
        merged: The users that were merged into this one, in the order of their ids.
    """

    summary: UserSummary
    accounts: tuple[KnownAccount, ...]
    link: VALink | None
    sessions: tuple[Session, ...]
    has_more_sessions: bool
    merged: tuple[UserId, ...]
