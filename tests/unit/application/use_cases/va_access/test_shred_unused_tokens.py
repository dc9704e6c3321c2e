"""Destroying tokens that nobody has used for too long."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest

from adapters.memory.store import MemoryStore
from adapters.memory.user_repository import MemoryUserRepository
from application.errors import UnavailableError
from domain.audit_event import AuditEventType
from domain.identifiers import UserId
from domain.user import User
from tests.support.builders import a_user_id, an_identity, some_tokens
from tests.support.outages import down_storage
from tests.support.service import MemoryService, a_memory_service

RETENTION = timedelta(days=42)
SECOND = timedelta(seconds=1)


async def shred(service: MemoryService) -> int:
    return await service.container.shred_unused_tokens().execute()


async def count(service: MemoryService) -> int:
    return await service.container.shred_unused_tokens().count()


def holders(service: MemoryService) -> set[UserId]:
    """Who has tokens, and a key to them."""
    tables = service.store.committed
    assert set(tables.va_tokens) == set(tables.data_keys)
    return set(tables.va_tokens)


async def test_tokens_go_with_their_key_when_the_time_is_over_and_not_before(
    service: MemoryService,
) -> None:
    away = await service.link(an_identity())
    service.clock.advance(SECOND)
    back = await service.link(an_identity())
    service.clock.advance(RETENTION - 2 * SECOND)
    assert await count(service) == await shred(service) == 0
    service.clock.advance(SECOND)

    assert await count(service) == 1
    assert await shred(service) == 1
    assert holders(service) == {back.id}
    assert {away.id, back.id} == set(service.store.committed.users)
    event = service.audit[-1]
    assert (event.type, event.user_id, dict(event.data)) == (
        AuditEventType.VA_TOKENS_SHREDDED,
        away.id,
        {"unused_days": 42},
    )
    assert await shred(service) == 0


async def test_more_than_one_batch_goes_in_one_run(service: MemoryService) -> None:
    for _ in range(205):
        await service.link(an_identity())
    service.clock.advance(RETENTION)

    assert await shred(service) == 205
    assert holders(service) == set()


async def test_tokens_of_an_earlier_phase_without_a_noted_sign_in_are_kept(
    service: MemoryService,
) -> None:
    user = await service.link(an_identity())
    service.store.committed.users[user.id] = replace(user, last_login_at=None)

    assert await shred(service) == 0


async def test_who_comes_back_just_now_keeps_what_the_sign_in_stores(
    service: MemoryService,
) -> None:
    user = await service.link(an_identity())
    service.clock.advance(RETENTION)
    now = service.clock.now()
    original = MemoryUserRepository.lock

    async def lock(self: MemoryUserRepository, user_id: UserId) -> User | None:
        found = await original(self, user_id)
        return found and replace(found, last_login_at=now)

    listed = [[user.id], []]

    async def list_unused(_self: Any, *, since: datetime, limit: int) -> list[UserId]:
        assert (since, limit) == (now - RETENTION, 100)
        return listed.pop(0)

    with (
        patch.object(MemoryUserRepository, "lock", lock),
        patch("adapters.memory.va_token_vault.MemoryVATokenVault.list_unused", list_unused),
    ):
        assert await shred(service) == 0
    assert holders(service) == {user.id}


async def test_of_two_processes_one_tells_of_it(service: MemoryService) -> None:
    user = await service.link(an_identity())
    service.clock.advance(RETENTION)
    listed = [[user.id, user.id, a_user_id()], []]

    async def list_unused(_self: Any, **_options: Any) -> list[UserId]:
        return listed.pop(0)

    with patch("adapters.memory.va_token_vault.MemoryVATokenVault.list_unused", list_unused):
        assert await shred(service) == 1
    types = [event.type for event in service.audit]
    assert types.count(AuditEventType.VA_TOKENS_SHREDDED) == 1


async def test_a_sign_in_after_that_starts_with_a_key_of_its_own(service: MemoryService) -> None:
    identity, tokens = an_identity(), some_tokens()
    user = await service.link(identity)
    service.clock.advance(RETENTION)
    await shred(service)
    await service.link(identity, tokens)

    assert await service.stored_tokens(user.id) == tokens


async def test_without_a_storage_it_says_so() -> None:
    with pytest.raises(UnavailableError):
        await shred(a_memory_service(MemoryStore(), down_storage()))
