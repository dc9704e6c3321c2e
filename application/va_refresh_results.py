"""Stores the result of a refresh at VA: new tokens, or why there are none."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Final, final

from application.errors import UnavailableError
from application.outbox_entries import OutboxEntries
from application.ports.clock import Clock
from application.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from application.token_sealing import TokenSealing, readable
from domain.audit_event import AuditEvent, AuditEventType
from domain.secret import Secret
from domain.va_token_refresh import KeptVATokens, RefreshLease
from domain.va_tokens import TokenField, VATokens
from domain.visitor import Visitor

_FIRST_PAUSE: Final = timedelta(milliseconds=500)

_Write = Callable[[UnitOfWork], Awaitable[None]]


@final
class VARefreshResults:
    """Writes each result in one transaction that locks the user, with its audit event.

    If storage doesn't answer, a write is retried until the lease is about to expire, because VA
    may have replaced the refresh token. Every method raises ``UnavailableError`` after that.
    """

    def __init__(
        self,
        *,
        unit_of_work: UnitOfWorkFactory,
        sealing: TokenSealing,
        outbox_entries: OutboxEntries,
        clock: Clock,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._sealing = sealing
        self._outbox_entries = outbox_entries
        self._clock = clock

    async def keep(self, lease: RefreshLease, tokens: VATokens) -> None:
        """Stores the new tokens, or revokes them if the stored ones changed in the meantime."""
        await self._write(lease, partial(self._keep, lease=lease, tokens=tokens))

    async def keep_refresh_token(
        self, lease: RefreshLease, refresh_token: Secret, *, reason: str
    ) -> None:
        """Stores only the new refresh token, for the next attempt, which verifies its owner.

        Until then, the tokens that were verified before stay in use.
        """
        write = partial(
            self._keep_refresh_token, lease=lease, refresh_token=refresh_token, reason=reason
        )
        await self._write(lease, write)

    async def reject(self, lease: RefreshLease, tokens: VATokens, *, reason: str) -> None:
        """Revokes tokens of another account or person, and requires a new sign-in."""

        async def write(work: UnitOfWork) -> None:
            await self._revoke(work, lease, *tokens.to_revoke)
            await work.va_token_refreshes.require_sign_in(lease, now=self._clock.now())
            await self._record_refusal(work, lease, reason)

        await self._write(lease, write)

    async def require_sign_in(self, lease: RefreshLease, *, reason: str) -> None:
        """Allows no refresh until the Veteran signs in again."""

        async def write(work: UnitOfWork) -> None:
            await work.va_token_refreshes.require_sign_in(lease, now=self._clock.now())
            await self._record_refusal(work, lease, reason)

        await self._write(lease, write)

    async def put_off(
        self, lease: RefreshLease, *, reason: str, retry_after: timedelta | None = None
    ) -> None:
        """Allows no refresh for a while, which is longer after each failure."""

        async def write(work: UnitOfWork) -> None:
            kept = await work.va_token_refreshes.find(lease.user_id)
            if kept is not None:
                until = self._clock.now() + kept.state.pause(retry_after)
                await work.va_token_refreshes.put_off(lease, until=until)
            await self._record_refusal(work, lease, reason)

        await self._write(lease, write)

    async def _write(self, lease: RefreshLease, write: _Write) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                async with self._unit_of_work() as work:
                    await work.users.lock(lease.user_id)
                    await write(work)
                    await work.commit()
            except UnavailableError:
                if self._clock.now() + pause >= lease.until:
                    raise
                await self._clock.sleep(pause)
                pause *= 2
            else:
                return

    async def _keep(self, work: UnitOfWork, *, lease: RefreshLease, tokens: VATokens) -> None:
        kept = await work.va_token_refreshes.find(lease.user_id)
        if kept is not None and kept.state.was_written_by(lease):
            # An earlier try was committed, and only its acknowledgment was lost.
            return
        if kept is None or not await self._store(work, lease, kept, tokens):
            await self._revoke_overtaken(work, lease, kept, *tokens.to_revoke)
            await self._record_refusal(work, lease, "overtaken")

    async def _store(
        self, work: UnitOfWork, lease: RefreshLease, kept: KeptVATokens, tokens: VATokens
    ) -> bool:
        if not kept.state.is_held(lease):
            return False
        wrapped = await work.data_keys.find(lease.user_id)
        key = await readable(self._sealing.key_for(work, lease.user_id, wrapped))
        if key is None:
            return False
        now = self._clock.now()
        if not await work.va_token_refreshes.renew(lease, self._sealing.seal(tokens, key), now=now):
            return False
        event = AuditEvent.of_user(
            AuditEventType.VA_TOKENS_REFRESHED,
            lease.user_id,
            visitor=Visitor(),
            now=now,
            generation=lease.generation.number + 1,
            scope=tokens.scope,
        )
        await work.audit.append(event)
        return True

    async def _keep_refresh_token(
        self, work: UnitOfWork, *, lease: RefreshLease, refresh_token: Secret, reason: str
    ) -> None:
        kept = await work.va_token_refreshes.find(lease.user_id)
        if kept is not None and kept.state.was_written_by(lease):
            # An earlier try was committed, and only its acknowledgment was lost.
            return
        if kept is None or not await self._store_refresh_token(work, lease, kept, refresh_token):
            await self._revoke_overtaken(work, lease, kept, refresh_token, TokenField.REFRESH)
        await self._record_refusal(work, lease, reason)

    async def _store_refresh_token(
        self, work: UnitOfWork, lease: RefreshLease, kept: KeptVATokens, refresh_token: Secret
    ) -> bool:
        if not kept.state.is_held(lease):
            return False
        wrapped = await work.data_keys.find(lease.user_id)
        stored = await readable(self._sealing.unsealed(kept.sealed, wrapped))
        if stored is None:
            return False
        key = await self._sealing.key_for(work, lease.user_id, wrapped)
        now = self._clock.now()
        return await work.va_token_refreshes.renew(
            lease,
            self._sealing.seal(replace(stored, refresh_token=refresh_token), key),
            now=now,
            retry_at=now + kept.state.pause(None),
        )

    async def _revoke_overtaken(
        self,
        work: UnitOfWork,
        lease: RefreshLease,
        kept: KeptVATokens | None,
        token: Secret,
        field: TokenField,
    ) -> None:
        # A later refresh of the same grant replaced these tokens. Revoking them could end the
        # whole grant.
        if kept is None or not kept.state.has_followed(lease.generation):
            await self._revoke(work, lease, token, field)

    async def _revoke(
        self, work: UnitOfWork, lease: RefreshLease, token: Secret, field: TokenField
    ) -> None:
        entry = await self._outbox_entries.of(lease.user_id, token, field, now=self._clock.now())
        await work.va_revocations.add(entry)

    async def _record_refusal(self, work: UnitOfWork, lease: RefreshLease, reason: str) -> None:
        event = AuditEvent.of_user(
            AuditEventType.VA_REFRESH_REFUSED,
            lease.user_id,
            visitor=Visitor(),
            now=self._clock.now(),
            generation=lease.generation.number,
            reason=reason,
        )
        await work.audit.append(event)
