"""Use case: let go of an old master key."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final
from uuid import UUID

from application.ports.clock import Clock
from application.ports.key_wrapper import KeyWrapper
from application.ports.token_cipher import SealBrokenError
from application.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from application.token_sealing import TokenSealing
from domain.audit_event import AuditEvent, AuditEventType
from domain.data_key import WrappedDataKey
from domain.identifiers import UserId
from domain.visitor import Visitor

#: Keys of one transaction: few enough that no sign-in waits for long.
BATCH: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class RewrapDataKeysCommand:
    """Whether to change anything, and whom to tell how much of ``count`` is done."""

    is_dry_run: bool
    on_progress: Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataKeysRewrapped:
    """What was done; in a dry run, what there is to do.

    Attributes:
        rewrapped: Data keys, of users and of the outbox, now under the newest master key.
        upgraded: Users whose tokens were sealed before there were data keys.
        unreadable: Users and entries of the outbox with a key or tokens that do not open; they
            are left as they are.
    """

    rewrapped: int
    upgraded: int
    unreadable: int


@final
class RewrapDataKeys:
    """Wraps every data key under the newest master key; the tokens stay as they are.

    Online: it holds a few rows for a moment at a time, and gives way to whatever a sign-in
    stores meanwhile. Killed at any point, it goes on where it was when it is started again.
    """

    def __init__(
        self,
        *,
        unit_of_work: UnitOfWorkFactory,
        wrapper: KeyWrapper,
        sealing: TokenSealing,
        clock: Clock,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._wrapper = wrapper
        self._sealing = sealing
        self._clock = clock

    async def count(self) -> int:
        """How much there is to do: data keys under other master keys, and users to upgrade.

        Raises:
            UnavailableError: Storage did not answer.
        """
        newest = self._wrapper.newest_key_id
        async with self._unit_of_work() as work:
            of_users = await work.data_keys.count_not_under(newest)
            of_outbox = await work.va_revocations.count_not_under(newest)
            return of_users + of_outbox + await work.va_tokens.count_sealed_early()

    async def execute(self, command: RewrapDataKeysCommand) -> DataKeysRewrapped:
        """Rewrap everything that needs it; each batch with its audit.

        Raises:
            UnavailableError: Storage or the keeper of the master key did not answer; what was
                done stays done.
        """
        unreadable: set[UUID] = set()
        rewrapped = await self._rewrap_keys(command, unreadable)
        rewrapped += await self._rewrap_outbox(command, unreadable)
        upgraded = await self._upgrade_tokens(command, unreadable)
        if unreadable and not command.is_dry_run:
            async with self._unit_of_work() as work:
                await self._note(work, unreadable=len(unreadable))
                await work.commit()
        return DataKeysRewrapped(rewrapped=rewrapped, upgraded=upgraded, unreadable=len(unreadable))

    async def _rewrap_keys(self, command: RewrapDataKeysCommand, unreadable: set[UUID]) -> int:
        rewrapped = 0
        after: UserId | None = None
        while True:
            async with self._unit_of_work() as work:
                batch = await work.data_keys.list_not_under(
                    self._wrapper.newest_key_id, after=after, limit=BATCH
                )
            if not batch:
                return rewrapped
            after = batch[-1].user_id
            pairs = []
            for old in batch:
                try:
                    pairs.append((old, await self._rewrapped(old)))
                except SealBrokenError:
                    unreadable.add(old.user_id)
            if command.is_dry_run:
                rewrapped += len(pairs)
            else:
                async with self._unit_of_work() as work:
                    done = 0
                    for old, new in pairs:
                        done += await work.data_keys.replace(old, new)
                    await self._note(work, rewrapped=done)
                    await work.commit()
                rewrapped += done
            command.on_progress(len(batch))

    async def _rewrap_outbox(self, command: RewrapDataKeysCommand, unreadable: set[UUID]) -> int:
        rewrapped = 0
        after: UUID | None = None
        while True:
            async with self._unit_of_work() as work:
                batch = await work.va_revocations.list_not_under(
                    self._wrapper.newest_key_id, after=after, limit=BATCH
                )
            if not batch:
                return rewrapped
            after = batch[-1].id
            pairs = []
            for entry in batch:
                try:
                    pairs.append((entry, await self._rewrapped(entry.key)))
                except SealBrokenError:
                    unreadable.add(entry.id)
            if command.is_dry_run:
                rewrapped += len(pairs)
            else:
                async with self._unit_of_work() as work:
                    done = 0
                    for entry, new in pairs:
                        done += await work.va_revocations.replace_key(entry.id, entry.key, new)
                    await self._note(work, rewrapped=done)
                    await work.commit()
                rewrapped += done
            command.on_progress(len(batch))

    async def _rewrapped(self, old: WrappedDataKey) -> WrappedDataKey:
        return await self._wrapper.wrap(await self._wrapper.unwrap(old))

    async def _upgrade_tokens(self, command: RewrapDataKeysCommand, unreadable: set[UUID]) -> int:
        upgraded = 0
        after: UserId | None = None
        while True:
            async with self._unit_of_work() as work:
                batch = await work.va_tokens.list_sealed_early(after=after, limit=BATCH)
            if not batch:
                return upgraded
            after = batch[-1]
            for user_id in batch:
                try:
                    upgraded += await self._upgrade(user_id, is_dry_run=command.is_dry_run)
                except SealBrokenError:
                    # Its master key is not here any more, or it was altered.
                    unreadable.add(user_id)
            command.on_progress(len(batch))

    async def _upgrade(self, user_id: UserId, *, is_dry_run: bool) -> bool:
        async with self._unit_of_work() as work:
            # A sign-in and a refresh hold the same row, so none overwrites what another sealed.
            if await work.users.lock(user_id) is None:
                return False
            sealed = await work.va_tokens.find(user_id)
            wrapped = await work.data_keys.find(user_id)
            if sealed is None:
                return False
            existing = None if wrapped is None else await self._wrapper.unwrap(wrapped)
            tokens = self._sealing.open(sealed, existing)
            if not is_dry_run:
                key = await self._sealing.key_for(work, user_id, wrapped)
                await work.va_tokens.reseal(self._sealing.seal(tokens, key))
                await self._note(work, user_id, upgraded=1)
                await work.commit()
        return True

    async def _note(self, work: UnitOfWork, user_id: UserId | None = None, **figures: int) -> None:
        """Audit what was done, unless it was nothing."""
        if not any(figures.values()):
            return
        event = AuditEvent(
            type=AuditEventType.KEYS_REWRAPPED,
            occurred_at=self._clock.now(),
            user_id=user_id,
            visitor=Visitor(),
            data={"master_key": self._wrapper.newest_key_id, **figures},
        )
        await work.audit.append(event)
