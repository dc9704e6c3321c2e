"""A VetAssist user."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from domain.data_key import WrappedDataKey
from domain.identifiers import ICN, UserId
from domain.veteran_status import VeteranStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One Veteran's account.

    Attributes:
        icn: VA's name for the person; None for an account of an earlier phase without one.
        is_active: Whether the account may sign in.
        last_login_at: Instant (UTC) of the newest sign-in, or None.
    """

    id: UserId
    icn: ICN | None
    status: VeteranStatus
    given_name: str | None = field(repr=False)
    family_name: str | None = field(repr=False)
    email: str | None = field(repr=False)
    is_active: bool
    last_login_at: datetime | None

    def changed_since(self, before: Self) -> tuple[str, ...]:
        """The names of the attributes that VA vouches for and that differ, never their values."""
        return tuple(
            name
            for name in ("status", "given_name", "family_name", "email")
            if getattr(self, name) != getattr(before, name)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a user is shown of themselves.

    Attributes:
        needs_va_sign_in: Whether nobody can act for the user at VA until they sign in anew.
    """

    user: User
    needs_va_sign_in: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedUser:
    """A user as a sign-in found or made it.

    Attributes:
        user: The account of the identity's ICN.
        alias_owner: The account that (issuer, sub) was remembered for.
        is_new: Whether this sign-in made the account.
        changed: The names of those of the account's attributes that it gave another value.
        data_key: The key of its tokens, or None while it has none.
    """

    user: User
    alias_owner: UserId
    is_new: bool
    data_key: WrappedDataKey | None
    changed: tuple[str, ...] = ()

    @property
    def is_conflicting(self) -> bool:
        """Whether the account at the provider already stands for another person."""
        return self.alias_owner != self.user.id
