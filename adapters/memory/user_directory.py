"""Users as last committed, in memory."""

from typing import final

from adapters.memory.store import MemoryStore
from application.ports.user_directory import UserDirectory
from domain.identifiers import UserId
from domain.user import User


@final
class MemoryUserDirectory(UserDirectory):
    """Reads past any unit of work that is open."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def find(self, user_id: UserId) -> User | None:
        return self._store.committed.users.get(user_id)
