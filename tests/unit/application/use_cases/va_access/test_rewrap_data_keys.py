"""Letting go of a master key."""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final
from unittest.mock import patch

import pytest

from adapters.encryption.local_key_wrapper import LocalKeyWrapper
from adapters.memory.store import MemoryStore
from adapters.memory.va_token_vault import MemoryVATokenVault
from application.use_cases.va_access import rewrap_data_keys
from application.use_cases.va_access.rewrap_data_keys import (
    DataKeysRewrapped,
    RewrapDataKeysCommand,
)
from domain.audit_event import AuditEventType
from domain.data_key import DataKey, WrappedDataKey
from domain.identifiers import UserId
from domain.va_tokens import TokenField, VATokens
from tests.support.builders import an_identity, some_tokens
from tests.support.early_tokens import with_early_tokens
from tests.support.service import Service, a_service_with
from tests.support.storage import memory_storage

KEYS: Final = {key_id: secrets.token_bytes(32) for key_id in ("k1", "k2")}
OLD: Final = {"k1": KEYS["k1"]}
NEW: Final = {"k2": KEYS["k2"]}
ROTATING: Final = NEW | OLD
BATCH: Final = 3


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewrap_data_keys, "BATCH", BATCH)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def service(store: MemoryStore, master_keys: Mapping[str, bytes]) -> Service:
    return a_service_with(memory_storage(store), master_keys)


async def some_users(store: MemoryStore, count: int) -> dict[UserId, VATokens]:
    """Users from before the change of keys, with what is stored for them."""
    before = service(store, OLD)
    stored = {}
    for _ in range(count):
        tokens = some_tokens()
        stored[(await before.link(an_identity(), tokens)).id] = tokens
    return stored


def make_early(
    store: MemoryStore, user_id: UserId, tokens: VATokens, *, fields: set[TokenField]
) -> None:
    """Seal some of a user's tokens as they were before there were data keys."""
    rows = store.committed.va_tokens
    rows[user_id] = with_early_tokens(rows[user_id], tokens, fields=fields, master_keys=OLD)


async def data_key(store: MemoryStore, user_id: UserId) -> DataKey | None:
    wrapped = store.committed.data_keys.get(user_id)
    wrapper = service(store, ROTATING).container.key_wrapper()
    return None if wrapped is None else await wrapper.unwrap(wrapped)


async def rewrap(
    store: MemoryStore,
    master_keys: Mapping[str, bytes] = ROTATING,
    *,
    is_dry_run: bool = False,
    progress: list[int] | None = None,
) -> DataKeysRewrapped:
    told = [] if progress is None else progress
    command = RewrapDataKeysCommand(is_dry_run=is_dry_run, on_progress=told.append)
    return await service(store, master_keys).container.rewrap_data_keys().execute(command)


async def assert_readable(
    store: MemoryStore, stored: Mapping[UserId, VATokens], master_keys: Mapping[str, bytes]
) -> None:
    reader = service(store, master_keys)
    for user_id, tokens in stored.items():
        assert await reader.stored_tokens(user_id) == tokens


@pytest.mark.case(99)
async def test_afterwards_every_token_is_read_by_the_new_key_alone(
    store: MemoryStore,
) -> None:
    count = BATCH * 2 + 1
    stored = await some_users(store, count)
    sealed = dict(store.committed.va_tokens)
    progress: list[int] = []
    done = await rewrap(store, progress=progress)

    assert done == DataKeysRewrapped(rewrapped=count, upgraded=0, unreadable=0)
    assert progress == [BATCH, BATCH, 1]
    await assert_readable(store, stored, NEW)
    # The tokens themselves were not touched.
    assert store.committed.va_tokens == sealed
    assert await service(store, ROTATING).container.rewrap_data_keys().count() == 0


async def test_each_batch_is_audited_and_each_upgrade_and_what_cannot_be_read(
    store: MemoryStore,
) -> None:
    stored = await some_users(store, BATCH + 2)
    early, broken, *_ = stored
    make_early(store, early, stored[early], fields=set(TokenField))
    rows = store.committed.va_tokens
    rows[broken] = replace(rows[broken], access_token=b"v1.k1.altered")
    before = len(store.committed.audit)
    await rewrap(store)

    told = store.committed.audit[before:]
    assert {event.type for event in told} == {AuditEventType.KEYS_REWRAPPED}
    assert [(event.user_id, dict(event.data)) for event in told] == [
        (None, {"master_key": "k2", "rewrapped": BATCH}),
        (None, {"master_key": "k2", "rewrapped": 2}),
        (early, {"master_key": "k2", "upgraded": 1}),
        (None, {"master_key": "k2", "unreadable": 1}),
    ]


async def test_a_second_run_finds_nothing_to_do(store: MemoryStore) -> None:
    stored = await some_users(store, 3)
    await rewrap(store)
    keys, told = dict(store.committed.data_keys), len(store.committed.audit)

    assert await rewrap(store) == DataKeysRewrapped(rewrapped=0, upgraded=0, unreadable=0)
    assert store.committed.data_keys == keys
    assert len(store.committed.audit) == told
    await assert_readable(store, stored, NEW)


async def test_a_dry_run_counts_the_same_and_changes_nothing(store: MemoryStore) -> None:
    stored = await some_users(store, BATCH + 2)
    early, broken, *_ = stored
    make_early(store, early, stored[early], fields=set(TokenField))
    keys = store.committed.data_keys
    keys[broken] = replace(keys[broken], box=b"altered")
    before = store.committed

    planned = await rewrap(store, is_dry_run=True)
    assert planned == DataKeysRewrapped(rewrapped=BATCH + 1, upgraded=1, unreadable=1)
    assert store.committed is before
    assert await rewrap(store) == planned


@pytest.mark.parametrize(
    "fields",
    [set(TokenField), {TokenField.ACCESS}, {TokenField.REFRESH}],
    ids=["all", "access", "refresh"],
)
@pytest.mark.parametrize("has_key", [True, False])
async def test_tokens_older_than_data_keys_are_upgraded(
    store: MemoryStore,
    fields: set[TokenField],
    has_key: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    stored = await some_users(store, 2)
    early, _ = stored
    make_early(store, early, stored[early], fields=set(TokenField) if not has_key else fields)
    if not has_key:
        del store.committed.data_keys[early]
    before = await data_key(store, early)
    done = await rewrap(store)

    assert done == DataKeysRewrapped(rewrapped=1 + has_key, upgraded=1, unreadable=0)
    row = store.committed.va_tokens[early]
    assert [
        box.split(b".")[0] for box in (row.access_token, row.refresh_token, row.id_token) if box
    ] == [b"v2"] * 3
    await assert_readable(store, stored, NEW)
    # The key that there was stays: earlier tokens are sealed with it.
    assert before in {None, await data_key(store, early)}


async def test_early_tokens_are_counted_and_their_upgrade_makes_progress(
    store: MemoryStore,
) -> None:
    stored = await some_users(store, 5)
    for user_id, tokens in stored.items():
        make_early(store, user_id, tokens, fields={TokenField.ACCESS})
    assert await service(store, ROTATING).container.rewrap_data_keys().count() == 10

    progress: list[int] = []
    done = await rewrap(store, progress=progress)

    assert done == DataKeysRewrapped(rewrapped=5, upgraded=5, unreadable=0)
    assert progress == [BATCH, 2, BATCH, 2]


async def test_whose_tokens_are_gone_meanwhile_is_not_upgraded(store: MemoryStore) -> None:
    stored = await some_users(store, 3)
    for user_id, tokens in stored.items():
        make_early(store, user_id, tokens, fields={TokenField.ACCESS})
    _, unlinked, merged = stored
    original = MemoryVATokenVault.list_sealed_early

    async def listed(vault: MemoryVATokenVault, **page: Any) -> list[UserId]:
        users = await original(vault, **page)
        store.committed.va_tokens.pop(unlinked, None)
        store.committed.users.pop(merged, None)
        return users

    with patch.object(MemoryVATokenVault, "list_sealed_early", listed):
        assert (await rewrap(store)).upgraded == 1


async def move_to_the_outbox(store: MemoryStore, users: Iterable[UserId]) -> None:
    before = service(store, OLD)
    async with before.storage.unit_of_work() as work:
        entries = before.container.outbox_entries()
        for user_id in users:
            await entries.revoke_and_destroy(work, user_id, now=before.clock.now())
        await work.commit()


async def test_the_outbox_is_rewrapped_too(store: MemoryStore) -> None:
    stored = await some_users(store, BATCH + 2)
    _, *unlinked = stored
    await move_to_the_outbox(store, unlinked)
    assert await service(store, ROTATING).container.rewrap_data_keys().count() == BATCH + 2

    planned = await rewrap(store, is_dry_run=True)
    assert planned == DataKeysRewrapped(rewrapped=BATCH + 2, upgraded=0, unreadable=0)
    progress: list[int] = []
    assert await rewrap(store, progress=progress) == planned
    assert progress == [1, BATCH, 1]
    assert (await rewrap(store)).rewrapped == 0
    assert await service(store, ROTATING).container.rewrap_data_keys().count() == 0
    after = service(store, NEW)
    await after.container.revoke_at_va().execute()
    assert after.provider.revoked == {stored[each].refresh_token: True for each in unlinked}


async def test_what_cannot_be_read_is_counted_and_left_as_it_is(store: MemoryStore) -> None:
    stored = await some_users(store, 6)
    broken_entry, broken_key, broken_token, other_token, *rest = stored
    await move_to_the_outbox(store, [broken_entry])
    ((entry_id, entry),) = store.committed.va_revocations.items()
    outbox = {entry_id: replace(entry, key=replace(entry.key, box=b"altered"))}
    store.committed.va_revocations.update(outbox)
    keys, rows = store.committed.data_keys, store.committed.va_tokens
    keys[broken_key] = replace(keys[broken_key], box=b"altered")
    for each in (broken_token, other_token):
        rows[each] = replace(rows[each], access_token=b"v1.k1.altered")
    # One whose key is broken counts once, whatever else is wrong with it.
    rows[broken_key] = replace(rows[broken_key], access_token=b"v1.k1.altered")
    left = keys[broken_key], dict(rows), outbox

    assert await rewrap(store) == DataKeysRewrapped(rewrapped=4, upgraded=0, unreadable=4)
    tables = store.committed
    assert (tables.data_keys[broken_key], tables.va_tokens, tables.va_revocations) == left
    await assert_readable(store, {user_id: stored[user_id] for user_id in rest}, NEW)


@pytest.mark.case(99)
async def test_a_key_that_changes_meanwhile_is_not_overwritten(store: MemoryStore) -> None:
    stored = await some_users(store, 2)
    unlinked, _ = stored
    original = LocalKeyWrapper.wrap

    async def wrap(self: LocalKeyWrapper, key: DataKey) -> WrappedDataKey:
        # Between the reading and the writing the user unlinks.
        if key.user_id == unlinked:
            store.committed.data_keys.pop(unlinked, None)
        return await original(self, key)

    with patch.object(LocalKeyWrapper, "wrap", wrap):
        done = await rewrap(store)
    assert done == DataKeysRewrapped(rewrapped=1, upgraded=0, unreadable=0)
    assert unlinked not in store.committed.data_keys


@pytest.mark.case(99)
async def test_killed_between_batches_it_goes_on_where_it_was(store: MemoryStore) -> None:
    stored = await some_users(store, BATCH + 20)

    class KilledError(BaseException):
        pass

    def kill(_done: int) -> None:
        raise KilledError

    command = RewrapDataKeysCommand(is_dry_run=False, on_progress=kill)
    with pytest.raises(KilledError):
        await service(store, ROTATING).container.rewrap_data_keys().execute(command)
    await assert_readable(store, stored, ROTATING)

    done = await rewrap(store)
    assert done == DataKeysRewrapped(rewrapped=20, upgraded=0, unreadable=0)
    await assert_readable(store, stored, NEW)
