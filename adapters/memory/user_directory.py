"""Committed users, in memory."""

from typing import final

from adapters.memory.store import MemoryStore
from application.ports.user_directory import UserDirectory
from domain.identifiers import UserId
from domain.user import Profile


@final
class MemoryUserDirectory(UserDirectory):
    """Reads only committed data, even while a unit of work is open."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def find(self, user_id: UserId) -> Profile | None:
        tables = self._store.committed
        user = tables.users.get(user_id)
        if user is None:
            return None
        is_kept = user_id in tables.va_tokens
        is_good = is_kept and tables.va_token_states[user_id].needs_sign_in_at is None
        return Profile(user=user, needs_va_sign_in=not is_good)

    async def merged_into(self, user_id: UserId) -> frozenset[UserId]:
        users = self._store.committed.users.values()
        return frozenset(user.id for user in users if user.merged_into == user_id)
