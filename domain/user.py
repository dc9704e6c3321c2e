"""A VetAssist user."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from domain.data_key import WrappedDataKey
from domain.identifiers import ICN, UserId
from domain.veteran_status import VeteranStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """The account of one Veteran.

    Attributes:
        icn: VA's identifier of the person. An account of an earlier phase may have None.
        is_active: Whether the account may sign in.
        last_login_at: Instant (UTC) of the latest sign-in, or None.
        merged_into: The user that an operator merged this one into, or None. Nobody can sign in
            to a merged account.
    """

    id: UserId
    icn: ICN | None
    status: VeteranStatus
    given_name: str | None = field(repr=False)
    family_name: str | None = field(repr=False)
    email: str | None = field(repr=False)
    is_active: bool
    last_login_at: datetime | None
    merged_into: UserId | None = None

    def changed_since(self, before: Self) -> tuple[str, ...]:
        """Returns the names, never the values, of the attributes from VA that differ."""
        return tuple(
            name
            for name in ("status", "given_name", "family_name", "email")
            if getattr(self, name) != getattr(before, name)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a user sees about themselves.

    Attributes:
        needs_va_sign_in: Whether no back end can act for the user until they sign in again.
    """

    user: User
    needs_va_sign_in: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedUser:
    """A user that a sign-in found or created.

    Attributes:
        user: The account with the identity's ICN.
        alias_owner: The account that (issuer, sub) is an alias of.
        is_new: Whether this sign-in created the account.
        changed: Names of the attributes that this sign-in changed.
        data_key: The key of the user's tokens, or None if there is none.
    """

    user: User
    alias_owner: UserId
    is_new: bool
    data_key: WrappedDataKey | None
    changed: tuple[str, ...] = ()

    @property
    def is_conflicting(self) -> bool:
        """Whether the account at the provider is an alias of another user."""
        return self.alias_owner != self.user.id
