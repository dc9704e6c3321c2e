"""Users and their aliases, in memory."""

from dataclasses import replace
from datetime import datetime
from typing import final

from adapters.memory.store import MemoryTables
from application.ports.user_repository import UserRepository
from domain.identifiers import ICN, UserId
from domain.user import LinkedUser, User
from domain.va_identity import VAIdentity
from domain.veteran_status import VeteranStatus


@final
class MemoryUserRepository(UserRepository):
    """Reads and writes the draft of one unit of work."""

    def __init__(self, draft: MemoryTables) -> None:
        self._draft = draft

    async def link(
        self, identity: VAIdentity, icn: ICN, *, new_id: UserId, now: datetime
    ) -> LinkedUser:
        found = self._draft.user_of(icn)
        user = found or User(
            id=new_id,
            icn=icn,
            status=VeteranStatus.UNKNOWN,
            given_name=None,
            family_name=None,
            email=None,
            is_active=True,
            last_login_at=None,
        )
        return self._updated(user, identity, now=now, is_new=found is None)

    async def link_alias(self, identity: VAIdentity, *, now: datetime) -> LinkedUser | None:
        owner = self._draft.aliases.get((identity.issuer, identity.subject))
        if owner is None:
            return None
        user = self._draft.users[owner]
        return self._updated(user, identity, now=now, is_new=False)

    async def find(self, user_id: UserId) -> User | None:
        return self._draft.users.get(user_id)

    async def lock(self, user_id: UserId) -> User | None:
        # No lock is needed: in-memory units of work run one at a time.
        return self._draft.users.get(user_id)

    async def forget_aliases(self, user_id: UserId) -> None:
        for alias in [key for key, owner in self._draft.aliases.items() if owner == user_id]:
            del self._draft.aliases[alias]

    async def set_active(self, user_id: UserId, *, is_active: bool, now: datetime) -> None:  # noqa: ARG002 - only the database stores it
        user = self._draft.users.get(user_id)
        if user is not None:
            self._draft.users[user_id] = replace(user, is_active=is_active)

    def _updated(
        self, user: User, identity: VAIdentity, *, now: datetime, is_new: bool
    ) -> LinkedUser:
        updated = replace(
            user,
            status=identity.status or user.status,
            given_name=identity.given_name or user.given_name,
            family_name=identity.family_name or user.family_name,
            email=identity.email or user.email,
            last_login_at=now,
        )
        self._draft.users[user.id] = updated
        alias = (identity.issuer, identity.subject)
        owner = self._draft.aliases.setdefault(alias, user.id)
        return LinkedUser(
            user=updated,
            alias_owner=owner,
            is_new=is_new,
            data_key=self._draft.data_keys.get(user.id),
            changed=() if is_new else updated.changed_since(user),
        )
