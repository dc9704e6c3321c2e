"""Refreshes of VA tokens and their leases, in memory."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import final

from adapters.memory.store import MemoryTables
from application.ports.va_token_refreshes import VATokenRefreshes
from domain.identifiers import UserId
from domain.va_token_refresh import KeptVATokens, RefreshLease, RefreshState, TokenGeneration
from domain.va_tokens import SealedVATokens


@final
class MemoryVATokenRefreshes(VATokenRefreshes):
    """Reads and writes the draft of one unit of work."""

    def __init__(self, draft: MemoryTables) -> None:
        self._draft = draft
        self._states = draft.va_token_states

    async def find(self, user_id: UserId) -> KeptVATokens | None:
        sealed = self._draft.va_tokens.get(user_id)
        return None if sealed is None else KeptVATokens(sealed=sealed, state=self._states[user_id])

    async def take(
        self, user_id: UserId, generation: TokenGeneration, *, now: datetime, lasts: timedelta
    ) -> RefreshLease | None:
        # There is only one process, so ``now`` can also decide when the lease ends.
        kept = await self.find(user_id)
        if kept is None or not kept.state.may_be_leased(generation, now):
            return None
        fence, until = kept.state.fence + 1, now + lasts
        self._states[user_id] = replace(kept.state, fence=fence, lease_until=until)
        return RefreshLease(user_id=user_id, generation=generation, fence=fence, until=until)

    async def renew(
        self,
        lease: RefreshLease,
        tokens: SealedVATokens,
        *,
        now: datetime,  # noqa: ARG002 - only the database stores it
        retry_at: datetime | None = None,
    ) -> bool:
        state = self._held(lease)
        if state is None:
            return False
        stored = self._draft.va_tokens[lease.user_id]
        self._draft.va_tokens[lease.user_id] = replace(
            tokens,
            refresh_token=tokens.refresh_token or stored.refresh_token,
            id_token=tokens.id_token or stored.id_token,
        )
        self._states[lease.user_id] = replace(
            state,
            generation=replace(state.generation, number=state.generation.number + 1),
            lease_until=None,
            retry_at=retry_at,
            attempts=0 if retry_at is None else state.attempts + 1,
        )
        return True

    async def put_off(self, lease: RefreshLease, *, until: datetime) -> bool:
        state = self._held(lease)
        if state is None:
            return False
        self._states[lease.user_id] = replace(
            state, lease_until=None, retry_at=until, attempts=state.attempts + 1
        )
        return True

    async def require_sign_in(self, lease: RefreshLease, *, now: datetime) -> bool:
        state = self._held(lease)
        if state is None:
            return False
        self._states[lease.user_id] = replace(state, lease_until=None, needs_sign_in_at=now)
        return True

    def _held(self, lease: RefreshLease) -> RefreshState | None:
        if lease.user_id not in self._draft.va_tokens:
            return None
        state = self._states[lease.user_id]
        return state if state.is_held(lease) else None
