"""The refresh of VA's tokens: once for each generation, whoever asks and however many."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import Final, final

from application.errors import (
    ProviderUnavailableError,
    UnavailableError,
    UnusableTokensError,
    UnwantedTokensError,
    UpstreamRejectedError,
)
from application.outbox_entries import OutboxEntries
from application.ports.clock import Clock
from application.ports.identity_provider import IdentityProvider
from application.ports.token_cipher import SealBrokenError
from application.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from application.token_sealing import TokenSealing
from domain.audit_event import AuditEvent, AuditEventType
from domain.identifiers import ICN, UserId
from domain.secret import Secret
from domain.va_identity import VAAccount
from domain.va_token_refresh import (
    LEASE,
    PATIENCE,
    KeptVATokens,
    RefreshLease,
    RefreshState,
    TokenGeneration,
)
from domain.va_tokens import TokenField, VATokens
from domain.visitor import Visitor

#: A refusal after which no refresh will ever succeed: the Veteran has to sign in again.
_FOR_GOOD: Final = "invalid_grant"
#: Refusals that only the operator can do something about.
_OPERATORS_FAULT: Final = frozenset({"invalid_client", "unauthorized_client", "issuer_changed"})
_FIRST_PAUSE: Final = timedelta(milliseconds=20)
_LONGEST_PAUSE: Final = timedelta(milliseconds=250)

_Write = Callable[[UnitOfWork], Awaitable[None]]

_log = logging.getLogger("vetassist.va_tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRefresh:
    """Tokens that were found too near to their end.

    Attributes:
        icn: The person they act for; None when nobody knows.
        scope: What was granted.
    """

    user_id: UserId
    icn: ICN | None = field(repr=False)
    generation: TokenGeneration
    account: VAAccount
    refresh_token: Secret
    scope: str


@final
class VATokenRefresher(AbstractAsyncContextManager["VATokenRefresher"]):
    """Asks VA with no connection and no lock held.

    Within a process all who ask for a user's tokens wait for one flight. Between processes the
    flights go by a lease in the user's row: one asks VA, the others look at the row until it is
    done. Leaving waits for the flights that are under way, so that what VA gave is not lost.
    """

    def __init__(
        self,
        *,
        unit_of_work: UnitOfWorkFactory,
        provider: IdentityProvider,
        sealing: TokenSealing,
        outbox_entries: OutboxEntries,
        clock: Clock,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._provider = provider
        self._sealing = sealing
        self._outbox_entries = outbox_entries
        self._clock = clock
        self._flights: dict[UserId, asyncio.Task[None]] = {}

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._flights:
            await asyncio.wait(self._flights.values())

    async def refresh(self, due: DueRefresh) -> None:
        """See to it that the tokens are refreshed, by whomever; then look at them again.

        How it went stands in their row: newer tokens, or why there are none.

        Raises:
            UnavailableError: Storage did not answer.
        """
        flight = self._flights.get(due.user_id)
        if flight is None:
            # A task of its own: VA's answer must be kept even if who asked first goes away.
            flight = asyncio.create_task(self._fly(due))
            flight.add_done_callback(_hear)
            self._flights[due.user_id] = flight
        await asyncio.shield(flight)

    async def _fly(self, due: DueRefresh) -> None:
        try:
            lease = await self._lease(due)
            if lease is not None:
                await self._ask_va(due, lease)
        finally:
            del self._flights[due.user_id]

    async def _lease(self, due: DueRefresh) -> RefreshLease | None:
        """The lease; None when somebody else was done first, or was waited for long enough."""
        # Counted, not timed: a clock that was set back would have everybody wait for it.
        waited, pause = timedelta(), _FIRST_PAUSE
        while True:
            async with self._unit_of_work() as work:
                lease = await work.va_token_refreshes.take(
                    due.user_id, due.generation, now=self._clock.now(), lasts=LEASE
                )
                if lease is not None:
                    await work.commit()
                    return lease
                kept = await work.va_token_refreshes.find(due.user_id)
            if kept is None or waited >= PATIENCE or not _is_under_way(kept.state, due):
                return None
            await self._clock.sleep(pause)
            waited += pause
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _ask_va(self, due: DueRefresh, lease: RefreshLease) -> None:
        try:
            tokens = await self._provider.refresh(
                due.refresh_token, account=due.account, icn=due.icn, scope=due.scope
            )
            write: _Write = partial(self._keep, lease=lease, tokens=tokens)
        except UnwantedTokensError as unwanted:
            # Whatever the grant stands for, it is not this Veteran's any more.
            grant = replace(
                unwanted.tokens, refresh_token=unwanted.tokens.refresh_token or due.refresh_token
            )
            write = partial(self._reject, lease=lease, tokens=grant, reason=unwanted.reason)
        except UnusableTokensError as unusable:
            write = partial(
                self._go_on_with,
                lease=lease,
                refresh_token=unusable.refresh_token,
                reason=unusable.reason,
            )
        except UpstreamRejectedError as refusal:
            write = partial(self._refuse, lease=lease, reason=refusal.reason)
        except ProviderUnavailableError as unavailable:
            write = partial(
                self._refuse,
                lease=lease,
                reason=unavailable.code,
                retry_after=unavailable.retry_after,
            )
        await self._settle(lease, write)

    async def _settle(self, lease: RefreshLease, write: _Write) -> None:
        """Write down what VA said, in one unit that holds the user; a moment's outage is sat out.

        VA may have replaced the refresh token, so its answer is not given up lightly.
        """
        pause = _LONGEST_PAUSE
        while True:
            try:
                async with self._unit_of_work() as work:
                    await work.users.lock(lease.user_id)
                    await write(work)
                    await work.commit()
            except UnavailableError:
                pause *= 2
                if self._clock.now() + pause >= lease.until:
                    raise
                await self._clock.sleep(pause)
            else:
                return

    async def _keep(self, work: UnitOfWork, *, lease: RefreshLease, tokens: VATokens) -> None:
        kept = await work.va_token_refreshes.find(lease.user_id)
        if kept is not None and kept.state.was_written_by(lease):
            # It was done before, and only the acknowledgement was lost.
            return
        if kept is None or not await self._stored(work, lease, kept, tokens):
            await self._let_go(work, lease, kept, tokens)

    async def _stored(
        self, work: UnitOfWork, lease: RefreshLease, kept: KeptVATokens, tokens: VATokens
    ) -> bool:
        if not kept.state.is_held(lease):
            return False
        wrapped = await work.data_keys.find(lease.user_id)
        try:
            key = await self._sealing.key_for(work, lease.user_id, wrapped)
        except SealBrokenError:
            _log.error("va_tokens_unreadable")
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

    async def _let_go(
        self, work: UnitOfWork, lease: RefreshLease, kept: KeptVATokens | None, tokens: VATokens
    ) -> None:
        """Let nobody have tokens that were overtaken: by a sign-in, an unlink, another refresh."""
        await self._let_go_of(work, lease, kept, *tokens.to_revoke)
        await self._note_refusal(work, lease, "overtaken")

    async def _let_go_of(
        self,
        work: UnitOfWork,
        lease: RefreshLease,
        kept: KeptVATokens | None,
        token: Secret,
        field: TokenField,
    ) -> None:
        # Those that a later refresh of the same grant replaced are its own business: to revoke
        # them could end the whole grant.
        if kept is None or not kept.state.has_followed(lease.generation):
            await self._have_revoked(work, lease, token, field)

    async def _go_on_with(
        self, work: UnitOfWork, *, lease: RefreshLease, refresh_token: Secret, reason: str
    ) -> None:
        """Keep the refresh token that VA gave for the next attempt, and nothing else of it.

        That attempt tells whose it is; until then the tokens that were verified are used.
        """
        kept = await work.va_token_refreshes.find(lease.user_id)
        if kept is not None and kept.state.was_written_by(lease):
            # It was done before, and only the acknowledgement was lost.
            return
        if kept is None or not await self._went_on(work, lease, kept, refresh_token):
            await self._let_go_of(work, lease, kept, refresh_token, TokenField.REFRESH)
        await self._note_refusal(work, lease, reason)

    async def _went_on(
        self, work: UnitOfWork, lease: RefreshLease, kept: KeptVATokens, refresh_token: Secret
    ) -> bool:
        if not kept.state.is_held(lease):
            return False
        wrapped = await work.data_keys.find(lease.user_id)
        try:
            stored = await self._sealing.unsealed(kept.sealed, wrapped)
            key = await self._sealing.key_for(work, lease.user_id, wrapped)
        except SealBrokenError:
            _log.error("va_tokens_unreadable")
            return False
        now = self._clock.now()
        return await work.va_token_refreshes.renew(
            lease,
            self._sealing.seal(replace(stored, refresh_token=refresh_token), key),
            now=now,
            retry_at=now + kept.state.pause(None),
        )

    async def _reject(
        self, work: UnitOfWork, *, lease: RefreshLease, tokens: VATokens, reason: str
    ) -> None:
        await self._have_revoked(work, lease, *tokens.to_revoke)
        await work.va_token_refreshes.require_sign_in(lease, now=self._clock.now())
        await self._note_refusal(work, lease, reason)

    async def _refuse(
        self,
        work: UnitOfWork,
        *,
        lease: RefreshLease,
        reason: str,
        retry_after: timedelta | None = None,
    ) -> None:
        now = self._clock.now()
        if reason == _FOR_GOOD:
            await work.va_token_refreshes.require_sign_in(lease, now=now)
        elif (kept := await work.va_token_refreshes.find(lease.user_id)) is not None:
            until = now + kept.state.pause(retry_after)
            await work.va_token_refreshes.put_off(lease, until=until)
        if reason in _OPERATORS_FAULT:
            _log.error("va_refresh_refused", extra={"reason": reason})
        await self._note_refusal(work, lease, reason)

    async def _have_revoked(
        self, work: UnitOfWork, lease: RefreshLease, token: Secret, field: TokenField
    ) -> None:
        entry = await self._outbox_entries.of(lease.user_id, token, field, now=self._clock.now())
        await work.va_revocations.add(entry)

    async def _note_refusal(self, work: UnitOfWork, lease: RefreshLease, reason: str) -> None:
        event = AuditEvent.of_user(
            AuditEventType.VA_REFRESH_REFUSED,
            lease.user_id,
            visitor=Visitor(),
            now=self._clock.now(),
            generation=lease.generation.number,
            reason=reason,
        )
        await work.audit.append(event)


def _is_under_way(state: RefreshState, due: DueRefresh) -> bool:
    return state.generation == due.generation and state.lease_until is not None


def _hear(flight: asyncio.Task[None]) -> None:
    """Take note of how a flight ended, as everybody who waited for it may have gone."""
    if not flight.cancelled():
        flight.exception()
