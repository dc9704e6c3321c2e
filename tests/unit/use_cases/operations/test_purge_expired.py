"""Letting go of what is past its retention."""

from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.memory.store import MemoryStore
from application.errors import UnavailableError
from application.use_cases.operations.purge_expired import BATCH, Purged
from domain.audit_event import AuditEventType
from domain.session import Session
from domain.visitor import Visitor
from tests.support.builders import LIMITS, NOW, a_session, a_user_id
from tests.support.outages import down_storage
from tests.support.service import MemoryService, a_memory_service
from tests.support.storage import a_revocation

RETENTION = timedelta(days=90)
SECOND = timedelta(seconds=1)


def stored(service: MemoryService, *sessions: Session) -> None:
    service.store.committed.sessions.update({session.id: session for session in sessions})


def left(service: MemoryService) -> list[Session]:
    return list(service.store.committed.sessions.values())


async def purge(service: MemoryService) -> Purged:
    return await service.container.purge_expired().execute()


async def test_an_expired_session_stays_for_the_retention_and_then_goes(
    service: MemoryService,
) -> None:
    ended = NOW - RETENTION
    gone, kept = [a_session(now=end - LIMITS.idle) for end in (ended - SECOND, ended)]
    stored(service, gone, kept)

    assert await purge(service) == Purged(sessions=1, sign_ins=0)
    assert left(service) == [kept]


async def test_a_revoked_session_stays_for_the_retention_after_its_revocation(
    service: MemoryService,
) -> None:
    user_id, ended = a_user_id(), NOW - RETENTION
    gone, kept = [
        replace(a_session(user_id, now=end - SECOND), revocation=a_revocation(now=end))
        for end in (ended - SECOND, ended)
    ]
    stored(service, gone, kept)

    assert await purge(service) == Purged(sessions=1, sign_ins=0)
    assert left(service) == [kept]


async def test_case_93_a_session_that_stands_never_goes(service: MemoryService) -> None:
    grant = (await service.sign_in()).grant
    service.clock.advance(LIMITS.idle - SECOND)

    assert (await purge(service)).sessions == 0
    await service.validate(grant.token)


async def test_old_sign_ins_go_and_those_under_way_stay(service: MemoryService) -> None:
    await service.begin()
    service.clock.advance(timedelta(minutes=9))
    begun = await service.begin()
    service.clock.advance(timedelta(minutes=1) + SECOND)

    assert await purge(service) == Purged(sessions=0, sign_ins=1)
    await service.complete(begun.callback())


async def test_all_goes_however_many_batches_that_takes(service: MemoryService) -> None:
    long_ago = NOW - RETENTION - timedelta(days=1)
    stored(service, *(a_session(now=long_ago) for _ in range(2 * BATCH + 1)))

    assert (await purge(service)).sessions == 2 * BATCH + 1
    assert left(service) == []


async def test_a_purge_is_audited_with_how_much_went(service: MemoryService) -> None:
    await service.begin()
    service.clock.advance(timedelta(minutes=11))
    stored(service, a_session(now=NOW - RETENTION - timedelta(days=1)))
    await purge(service)

    (event,) = service.audit
    assert event.type is AuditEventType.PURGED
    assert (event.user_id, event.visitor) == (None, Visitor())
    assert event.data == {"sessions": 1, "sign_ins": 1}


async def test_each_batch_is_audited_by_itself(service: MemoryService) -> None:
    long_ago = NOW - RETENTION - timedelta(days=1)
    stored(service, *(a_session(now=long_ago) for _ in range(BATCH + 1)))
    await purge(service)

    assert [event.data["sessions"] for event in service.audit] == [BATCH, 1]


async def test_what_there_is_to_remove_can_be_counted_beforehand(service: MemoryService) -> None:
    await service.begin()
    service.clock.advance(timedelta(minutes=11))
    stored(service, *(a_session(now=NOW - RETENTION - timedelta(days=1)) for _ in range(3)))

    assert await service.container.purge_expired().count() == Purged(sessions=3, sign_ins=1)
    assert len(left(service)) == 3
    assert service.audit == []
    assert await purge(service) == Purged(sessions=3, sign_ins=1)
    assert await service.container.purge_expired().count() == Purged(sessions=0, sign_ins=0)


async def test_a_purge_that_finds_nothing_says_nothing(service: MemoryService) -> None:
    assert await purge(service) == Purged(sessions=0, sign_ins=0)
    assert service.audit == []


async def test_an_outage_is_told() -> None:
    with pytest.raises(UnavailableError):
        await purge(a_memory_service(MemoryStore(), down_storage()))
    with pytest.raises(UnavailableError):
        await a_memory_service(MemoryStore(), down_storage()).container.purge_expired().count()
