"""Users and their aliases, in memory."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import final

from adapters.memory.store import MemoryTables
from application.errors import ConflictError
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

    async def find_by_icn(self, icn: ICN) -> UserId | None:
        user = self._draft.user_of(icn)
        return None if user is None else user.id

    async def lock_all(self, user_ids: Collection[UserId]) -> list[User]:
        return [self._draft.users[each] for each in sorted(user_ids) if each in self._draft.users]

    async def change_icn(self, user_id: UserId, icn: ICN | None, *, now: datetime) -> None:  # noqa: ARG002 - only the database stores it
        other = None if icn is None else self._draft.user_of(icn)
        if other is not None and other.id != user_id:
            raise ConflictError
        self._draft.users[user_id] = replace(self._draft.users[user_id], icn=icn)

    async def merge(self, user_id: UserId, *, into: UserId, now: datetime) -> None:  # noqa: ARG002 - only the database stores it
        for alias, owner in self._draft.aliases.items():
            if owner == user_id:
                self._draft.aliases[alias] = into
        for each in list(self._draft.users.values()):
            if user_id in (each.id, each.merged_into):
                self._draft.users[each.id] = replace(each, merged_into=into)

    async def forget_aliases(self, user_id: UserId) -> None:
        for alias in [key for key, owner in self._draft.aliases.items() if owner == user_id]:
            del self._draft.aliases[alias]
            del self._draft.alias_times[alias]

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
        self._draft.user_times.setdefault(user.id, now)
        alias = (identity.issuer, identity.subject)
        first_seen_at, _ = self._draft.alias_times.get(alias, (now, now))
        self._draft.alias_times[alias] = (first_seen_at, now)
        owner = self._draft.aliases.setdefault(alias, user.id)
        return LinkedUser(
            user=updated,
            alias_owner=owner,
            is_new=is_new,
            data_key=self._draft.data_keys.get(user.id),
            changed=() if is_new else updated.changed_since(user),
        )
