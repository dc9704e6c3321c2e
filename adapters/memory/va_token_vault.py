"""VA's tokens in memory."""

from dataclasses import replace
from datetime import datetime
from typing import final

from adapters.memory.store import MemoryTables
from application.ports.va_token_vault import VATokenVault
from domain.identifiers import UserId
from domain.va_tokens import SealedVATokens


@final
class MemoryVATokenVault(VATokenVault):
    """Works on the draft of one unit."""

    def __init__(self, draft: MemoryTables) -> None:
        self._tokens = draft.va_tokens

    async def save(self, tokens: SealedVATokens, *, now: datetime) -> None:  # noqa: ARG002 - a time for the table's own books
        stored = self._tokens.get(tokens.user_id)
        refresh = tokens.refresh_token or (stored.refresh_token if stored else None)
        self._tokens[tokens.user_id] = replace(tokens, refresh_token=refresh)

    async def find(self, user_id: UserId) -> SealedVATokens | None:
        return self._tokens.get(user_id)
