"""Use case: rewrap data keys, so that an old master key is no longer needed."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, final
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

#: Maximum number of keys in one transaction, so that no sign-in waits for long.
BATCH: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class RewrapDataKeysCommand:
    """Whether to change anything, and how to report progress.

    Attributes:
        is_dry_run: Only count.
        on_progress: Called with the number of items done since the last call. The numbers add up
            to ``count``.
    """

    is_dry_run: bool
    on_progress: Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataKeysRewrapped:
    """What was done, or what a dry run would have done.

    Attributes:
        rewrapped: Number of data keys, of users and outbox entries, that were rewrapped.
        upgraded: Number of users whose tokens had been sealed without a data key.
        unreadable: Number of users and outbox entries whose key or tokens can't be opened. They
            were not changed.
    """

    rewrapped: int
    upgraded: int
    unreadable: int


@final
class RewrapDataKeys:
    """Wraps every data key under the newest master key. The tokens don't change.

    It can run beside live traffic: it locks a few rows at a time, and what a sign-in stores in
    the meantime wins. If it is killed, the next run continues where it stopped.
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
        """Returns how many data keys to rewrap and users to upgrade there are.

        Raises:
            UnavailableError: The store did not answer.
        """
        newest = self._wrapper.newest_key_id
        async with self._unit_of_work() as work:
            of_users = await work.data_keys.count_not_under(newest)
            of_outbox = await work.va_revocations.count_not_under(newest)
            return of_users + of_outbox + await work.va_tokens.count_sealed_early()

    async def execute(self, command: RewrapDataKeysCommand) -> DataKeysRewrapped:
        """Rewraps everything that needs it. Each batch is audited in its transaction.

        Raises:
            UnavailableError: The store or the key service did not answer. Finished batches stay.
        """
        unreadable: set[UUID] = set()
        rewrapped = await self._rewrap(_UserKeys(), command, unreadable)
        rewrapped += await self._rewrap(_OutboxKeys(), command, unreadable)
        upgraded = await self._upgrade_tokens(command, unreadable)
        if unreadable and not command.is_dry_run:
            async with self._unit_of_work() as work:
                await self._note(work, unreadable=len(unreadable))
                await work.commit()
        return DataKeysRewrapped(rewrapped=rewrapped, upgraded=upgraded, unreadable=len(unreadable))

    async def _rewrap(
        self, store: "_KeyStore", command: RewrapDataKeysCommand, unreadable: set[UUID]
    ) -> int:
        rewrapped = 0
        after: UUID | None = None
        while batch := await self._next_batch(store, after):
            after = batch[-1].owner
            pairs = []
            for old in batch:
                try:
                    new = await self._wrapper.wrap(await self._wrapper.unwrap(old.key))
                except SealBrokenError:
                    unreadable.add(old.owner)
                else:
                    pairs.append((old, new))
            if command.is_dry_run:
                rewrapped += len(pairs)
            else:
                async with self._unit_of_work() as work:
                    done = sum([await store.replace(work, old, new) for old, new in pairs])
                    await self._note(work, rewrapped=done)
                    await work.commit()
                rewrapped += done
            command.on_progress(len(batch))
        return rewrapped

    async def _next_batch(self, store: "_KeyStore", after: UUID | None) -> Sequence["_StoredKey"]:
        async with self._unit_of_work() as work:
            return await store.list_not_under(work, self._wrapper.newest_key_id, after)

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
                    # Its master key is no longer available, or it was altered.
                    unreadable.add(user_id)
            command.on_progress(len(batch))

    async def _upgrade(self, user_id: UserId, *, is_dry_run: bool) -> bool:
        async with self._unit_of_work() as work:
            # Sign-ins and refreshes lock the same row, so none overwrites another's tokens.
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
        """Audits what was done, if anything was."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _StoredKey:
    """A wrapped data key.

    Attributes:
        owner: The user or the outbox entry that it belongs to.
    """

    owner: UUID
    key: WrappedDataKey


class _KeyStore(Protocol):
    """One of the two places where data keys are stored."""

    @abstractmethod
    async def list_not_under(
        self, work: UnitOfWork, master_key_id: str, after: UUID | None
    ) -> Sequence[_StoredKey]:
        """Returns the next batch of keys that are wrapped under another master key."""

    @abstractmethod
    async def replace(self, work: UnitOfWork, old: _StoredKey, new: WrappedDataKey) -> bool:
        """Replaces a key. Returns False if it changed in the meantime."""


class _UserKeys(_KeyStore):
    async def list_not_under(
        self, work: UnitOfWork, master_key_id: str, after: UUID | None
    ) -> Sequence[_StoredKey]:
        keys = await work.data_keys.list_not_under(
            master_key_id, after=None if after is None else UserId(after), limit=BATCH
        )
        return [_StoredKey(owner=key.user_id, key=key) for key in keys]

    async def replace(self, work: UnitOfWork, old: _StoredKey, new: WrappedDataKey) -> bool:
        return await work.data_keys.replace(old.key, new)


class _OutboxKeys(_KeyStore):
    async def list_not_under(
        self, work: UnitOfWork, master_key_id: str, after: UUID | None
    ) -> Sequence[_StoredKey]:
        entries = await work.va_revocations.list_not_under(master_key_id, after=after, limit=BATCH)
        return [_StoredKey(owner=entry.id, key=entry.key) for entry in entries]

    async def replace(self, work: UnitOfWork, old: _StoredKey, new: WrappedDataKey) -> bool:
        return await work.va_revocations.replace_key(old.owner, old.key, new)
