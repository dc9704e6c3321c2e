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
        self._draft = draft
        self._tokens = draft.va_tokens

    async def save(self, tokens: SealedVATokens, *, now: datetime) -> None:  # noqa: ARG002 - a time for the table's own books
        stored = self._tokens.get(tokens.user_id)
        if stored is not None:
            tokens = replace(
                tokens,
                refresh_token=tokens.refresh_token or stored.refresh_token,
                id_token=tokens.id_token or stored.id_token,
            )
        self._tokens[tokens.user_id] = tokens

    async def destroy(self, user_id: UserId) -> None:
        self._tokens.pop(user_id, None)

    async def list_sealed_early(self, *, after: UserId | None, limit: int) -> list[UserId]:
        early = [
            user_id
            for user_id, row in sorted(self._tokens.items())
            if (after is None or user_id > after)
            and any(
                (token or b"").startswith(b"v1.") for token in (row.access_token, row.refresh_token)
            )
        ]
        return early[:limit]

    async def list_unused(self, *, since: datetime, limit: int) -> list[UserId]:
        users = self._draft.users
        unused = [
            user_id
            for user_id in sorted(self._tokens)
            if (last := users[user_id].last_login_at) is not None and last <= since
        ]
        return unused[:limit]

    async def find(self, user_id: UserId) -> SealedVATokens | None:
        return self._tokens.get(user_id)
