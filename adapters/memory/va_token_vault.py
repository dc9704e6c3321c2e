"""Sealed VA tokens, in memory."""

from dataclasses import replace
from datetime import datetime
from typing import final
from uuid import uuid4

from adapters.memory.store import MemoryTables
from application.ports.va_token_vault import VATokenVault
from domain.identifiers import UserId
from domain.va_identity import VAAccount
from domain.va_revocation import GIVE_UP_AFTER
from domain.va_token_refresh import RefreshState, TokenGeneration
from domain.va_tokens import SealedVATokens


@final
class MemoryVATokenVault(VATokenVault):
    """Reads and writes the draft of one unit of work."""

    def __init__(self, draft: MemoryTables) -> None:
        self._draft = draft
        self._tokens = draft.va_tokens
        self._replaced = draft.va_replaced_tokens

    async def save(
        self, tokens: SealedVATokens, *, account: VAAccount | None, now: datetime
    ) -> None:
        stored = self._tokens.get(tokens.user_id)
        number, fence = 0, 0
        if stored is not None:
            state = self._draft.va_token_states[tokens.user_id]
            number, fence = state.generation.number, state.fence
            # Tokens of an earlier phase have no account. Treat them as tokens of this account.
            is_same = state.account in {None, account}
            if tokens.refresh_token is not None or not is_same:
                self._keep_replaced(stored, now)
            if is_same:
                tokens = replace(
                    tokens,
                    refresh_token=tokens.refresh_token or stored.refresh_token,
                    id_token=tokens.id_token or stored.id_token,
                )
        self._tokens[tokens.user_id] = tokens
        self._draft.va_token_states[tokens.user_id] = RefreshState(
            generation=TokenGeneration(sign_in=uuid4(), number=number + 1),
            account=account,
            fence=fence,
        )

    def _keep_replaced(self, stored: SealedVATokens, now: datetime) -> None:
        token, before = stored.refresh_token, self._replaced.get(stored.user_id, ())
        if token is not None and not token.startswith(b"v1."):
            alive = [each for each in before if each[0] > now - GIVE_UP_AFTER]
            self._replaced[stored.user_id] = ((now, token), *alive)

    async def reseal(self, tokens: SealedVATokens) -> None:
        if (stored := self._tokens.get(tokens.user_id)) is not None:
            self._tokens[tokens.user_id] = replace(
                stored,
                access_token=tokens.access_token,
                refresh_token=tokens.refresh_token,
                id_token=tokens.id_token,
            )

    async def destroy(self, user_id: UserId) -> None:
        self._tokens.pop(user_id, None)
        self._draft.va_token_states.pop(user_id, None)
        self._replaced.pop(user_id, None)

    async def list_sealed_early(self, *, after: UserId | None, limit: int) -> list[UserId]:
        return [user_id for user_id in self._early() if after is None or user_id > after][:limit]

    async def count_sealed_early(self) -> int:
        return len(self._early())

    def _early(self) -> list[UserId]:
        return [
            user_id
            for user_id, row in sorted(self._tokens.items())
            if any(
                (token or b"").startswith(b"v1.") for token in (row.access_token, row.refresh_token)
            )
        ]

    async def list_unused(self, *, since: datetime, limit: int) -> list[UserId]:
        return self._unused(since)[:limit]

    async def count_unused(self, *, since: datetime) -> int:
        return len(self._unused(since))

    def _unused(self, since: datetime) -> list[UserId]:
        users = self._draft.users
        return [
            user_id
            for user_id in sorted(self._tokens)
            if (last := users[user_id].last_login_at) is not None and last <= since
        ]

    async def find(self, user_id: UserId) -> SealedVATokens | None:
        return self._tokens.get(user_id)

    async def list_replaced(self, user_id: UserId) -> list[bytes]:
        return [token for _, token in self._replaced.get(user_id, ())]
