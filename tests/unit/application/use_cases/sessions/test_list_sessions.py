"""Where a user is signed in."""

from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.memory.store import MemoryStore
from application.errors import UnavailableError
from domain.identifiers import UserId
from domain.session import Session
from tests.support.builders import LIMITS, NOW, a_session, a_user_id, a_visitor, an_identity
from tests.support.outages import down_storage
from tests.support.service import MemoryService, a_memory_service
from tests.support.storage import a_revocation, a_stored_user, store_sessions

SECOND = timedelta(seconds=1)


async def listed(service: MemoryService, user_id: UserId) -> list[Session]:
    return await service.container.list_sessions().execute(user_id)


async def test_live_sessions_are_shown_newest_sign_in_first(service: MemoryService) -> None:
    identity, sessions = an_identity(), []
    for _ in range(3):
        service.clock.advance(SECOND)
        sessions.append((await service.sign_in(identity)).grant.session)

    assert await listed(service, sessions[0].user_id) == sessions[::-1]


async def test_a_session_tells_which_device_it_is_on(service: MemoryService) -> None:
    visitor = a_visitor("Mozilla/5.0 (Macintosh)")
    session = (await service.sign_in(visitor=visitor)).grant.session

    (shown,) = await listed(service, session.user_id)
    assert shown.user_agent == "Mozilla/5.0 (Macintosh)"


async def test_neither_ended_sessions_nor_those_of_others_are_shown(
    service: MemoryService,
) -> None:
    unit_of_work = service.storage.unit_of_work
    user, other = [await a_stored_user(unit_of_work) for _ in range(2)]
    live = a_session(user.id)
    revoked = replace(a_session(user.id), revocation=a_revocation())
    expired = a_session(user.id, now=NOW - LIMITS.idle)
    last_second = a_session(user.id, now=NOW - LIMITS.idle + SECOND)
    await store_sessions(unit_of_work, live, revoked, expired, last_second, a_session(other.id))

    assert await listed(service, user.id) == [live, last_second]
    assert await listed(service, a_user_id()) == []


async def test_looking_changes_nothing(service: MemoryService) -> None:
    session = (await service.sign_in()).grant.session
    before = service.store.committed.copy()
    await listed(service, session.user_id)

    assert service.store.committed == before


async def test_an_outage_is_no_empty_list() -> None:
    with pytest.raises(UnavailableError):
        await listed(a_memory_service(MemoryStore(), down_storage()), a_user_id())
