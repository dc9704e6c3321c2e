"""Whether a token's session still stands."""

from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.memory.store import MemoryStore
from application.errors import (
    SessionNotStandingError,
    UnauthenticatedError,
    UnavailableError,
)
from domain.secret import Secret
from tests.support.builders import LIMITS, a_user_id
from tests.support.outages import down_storage
from tests.support.service import MemoryService, a_memory_service
from tests.support.storage import memory_storage, revoke


async def assert_refused(service: MemoryService, token: Secret) -> None:
    with pytest.raises(UnauthenticatedError):
        await service.validate(token)


async def test_a_token_is_valid_while_its_session_stands(service: MemoryService) -> None:
    grant = (await service.sign_in()).grant
    service.clock.set(grant.token_expires_at - timedelta(microseconds=1))
    valid = await service.validate(grant.token)

    assert valid.session.session_id == grant.session.id
    assert valid.session.user_id == grant.session.user_id


@pytest.mark.case(65)
async def test_a_token_is_not_valid_once_it_has_expired(service: MemoryService) -> None:
    grant = (await service.sign_in()).grant
    service.clock.set(grant.token_expires_at)

    await assert_refused(service, grant.token)


@pytest.mark.case(101)
async def test_a_jump_of_the_clock_that_is_put_right_ends_nothing_for_good(
    service: MemoryService,
) -> None:
    grant = (await service.sign_in()).grant
    begin = service.clock.now()
    service.clock.advance(LIMITS.absolute)
    await assert_refused(service, grant.token)

    service.clock.set(begin)
    valid = await service.validate(grant.token)
    assert valid.session.session_id == grant.session.id


@pytest.mark.case(64)
async def test_a_token_is_not_valid_once_its_session_was_revoked(
    service: MemoryService,
) -> None:
    grant, spared = (await service.sign_in()).grant, (await service.sign_in()).grant
    async with service.storage.unit_of_work() as work:
        await revoke(work, grant.session.user_id, grant.session.id)
        await work.commit()

    await assert_refused(service, grant.token)
    assert (await service.validate(spared.token)).session.session_id == spared.session.id
    with pytest.raises(SessionNotStandingError) as refused:
        await service.validate(grant.token)
    told = (refused.value.user_id, refused.value.session_id)
    assert told == (grant.session.user_id, grant.session.id)


@pytest.mark.case(64)
async def test_a_token_is_not_valid_once_its_session_has_ended_before_it(
    service: MemoryService,
) -> None:
    grant = (await service.sign_in()).grant
    ended = replace(grant.session, expires_at=service.clock.now())
    service.store.committed.sessions[grant.session.id] = ended

    await assert_refused(service, grant.token)


@pytest.mark.case(63)
async def test_a_token_without_a_session_is_not_valid(service: MemoryService) -> None:
    grant = (await service.sign_in()).grant
    service.store.committed.sessions.clear()

    await assert_refused(service, grant.token)


@pytest.mark.case(64)
async def test_a_token_is_not_valid_for_the_session_of_another(
    service: MemoryService,
) -> None:
    grant = (await service.sign_in()).grant
    moved = replace(grant.session, user_id=a_user_id())
    service.store.committed.sessions[grant.session.id] = moved

    await assert_refused(service, grant.token)


async def test_a_token_that_is_none_of_ours_is_refused_without_asking_the_store() -> None:
    service = a_memory_service(MemoryStore(), down_storage())

    await assert_refused(service, Secret("none.of.ours"))


async def test_an_outage_says_nothing_about_the_session() -> None:
    store = MemoryStore()
    storage = replace(memory_storage(store), session_lookup=down_storage().session_lookup)
    service = a_memory_service(store, storage)
    grant = (await service.sign_in()).grant

    with pytest.raises(UnavailableError):
        await service.validate(grant.token)
