"""Letting go of what is past its retention."""

from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.memory.store import MemoryStore
from application.errors import UnavailableError
from application.use_cases.operations import purge_expired
from application.use_cases.operations.purge_expired import Purged
from domain.audit_event import AuditEventType
from domain.handoff import Handoff, HandoffTicket
from domain.login_attempt import ATTEMPT_KEPT_FOR
from domain.revocation import RevokedBy
from domain.secret import Secret
from domain.session import Session
from domain.visitor import Visitor
from tests.support.builders import LIMITS, LOGIN_LIFETIME, NOW, a_session, a_user_id
from tests.support.outages import down_storage
from tests.support.service import MemoryService, a_memory_service
from tests.support.storage import a_revocation

RETENTION = timedelta(days=90)
SECOND = timedelta(seconds=1)
A_MINUTE = timedelta(minutes=1)
BATCH = 3
CODES_BATCH = 2


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge_expired, "BATCH", BATCH)
    monkeypatch.setattr(purge_expired, "CODES_BATCH", CODES_BATCH)


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


@pytest.mark.case(93)
async def test_a_session_that_stands_never_goes(service: MemoryService) -> None:
    grant = (await service.sign_in()).grant
    service.clock.advance(LIMITS.idle - SECOND)

    assert (await purge(service)).sessions == 0
    await service.validate(grant.token)


async def test_old_sign_ins_go_and_those_under_way_stay(service: MemoryService) -> None:
    await service.begin()
    service.clock.advance(ATTEMPT_KEPT_FOR + A_MINUTE)
    begun = await service.begin()
    service.clock.advance(LOGIN_LIFETIME - A_MINUTE)
    assert await purge(service) == Purged(sessions=0, sign_ins=0)
    # Kept until now, so that a browser that came back was recognized.
    service.clock.advance(SECOND)

    assert await purge(service) == Purged(sessions=0, sign_ins=1)
    await service.complete(begun.callback())


async def test_all_goes_however_many_batches_that_takes(service: MemoryService) -> None:
    long_ago = NOW - RETENTION - timedelta(days=1)
    stored(service, *(a_session(now=long_ago) for _ in range(2 * BATCH + 1)))

    assert (await purge(service)).sessions == 2 * BATCH + 1
    assert left(service) == []


async def test_a_purge_is_audited_with_how_much_went(service: MemoryService) -> None:
    await service.begin()
    service.clock.advance(LOGIN_LIFETIME + ATTEMPT_KEPT_FOR + SECOND)
    stored(service, a_session(now=NOW - RETENTION - timedelta(days=1)))
    await purge(service)

    (event,) = service.audit
    assert event.type is AuditEventType.PURGED
    assert (event.user_id, event.visitor) == (None, Visitor())
    assert event.data == {"sessions": 1, "sign_ins": 1}


async def test_each_batch_is_audited_by_itself(service: MemoryService) -> None:
    for _ in range(BATCH):
        await service.begin()
    service.clock.advance(LOGIN_LIFETIME + ATTEMPT_KEPT_FOR + SECOND)
    long_ago = NOW - RETENTION - timedelta(days=1)
    stored(service, *(a_session(now=long_ago) for _ in range(BATCH + 1)))
    assert await purge(service) == Purged(sessions=BATCH + 1, sign_ins=BATCH)

    assert [event.data for event in service.audit] == [
        {"sessions": BATCH, "sign_ins": 0},
        {"sessions": 1, "sign_ins": BATCH - 1},
        {"sessions": 0, "sign_ins": 1},
    ]


async def test_codes_go_in_batches_of_their_own(service: MemoryService) -> None:
    for number in range(CODES_BATCH + 1):
        session = (await service.sign_in()).grant.session
        a_handed_over(service, session, code=f"code {number}")
    told = len(service.audit)
    service.clock.advance(timedelta(minutes=2))

    assert await purge(service) == Purged(sessions=0, sign_ins=CODES_BATCH + 1)
    purged = [e for e in service.audit[told:] if e.type is AuditEventType.PURGED]
    assert [event.data["sign_ins"] for event in purged] == [CODES_BATCH, 1]


async def test_what_there_is_to_remove_can_be_counted_beforehand(service: MemoryService) -> None:
    await service.begin()
    service.clock.advance(LOGIN_LIFETIME + ATTEMPT_KEPT_FOR + SECOND)
    stored(service, *(a_session(now=NOW - RETENTION - timedelta(days=1)) for _ in range(3)))

    assert await service.container.purge_expired().count() == Purged(sessions=3, sign_ins=1)
    assert len(left(service)) == 3
    assert service.audit == []
    assert await purge(service) == Purged(sessions=3, sign_ins=1)
    assert await service.container.purge_expired().count() == Purged(sessions=0, sign_ins=0)


def a_handed_over(service: MemoryService, session: Session, *, code: str = "code") -> Handoff:
    """A code for the session that nobody has redeemed yet."""
    ticket = HandoffTicket(code=Secret(code), browser=Secret("browser"))
    handoff = Handoff.of(
        ticket, user_id=session.user_id, session_id=session.id, now=service.clock.now()
    )
    service.store.committed.handoffs[handoff.code_hash] = handoff
    return handoff


async def test_a_session_whose_code_nobody_redeemed_in_time_ends(service: MemoryService) -> None:
    session = (await service.sign_in()).grant.session
    handoff = a_handed_over(service, session)
    service.clock.advance(handoff.expires_at - service.clock.now())
    assert await purge(service) == Purged(sessions=0, sign_ins=0)
    told = len(service.audit)
    service.clock.advance(SECOND)

    assert await service.container.purge_expired().count() == Purged(sessions=0, sign_ins=1)
    assert await purge(service) == Purged(sessions=0, sign_ins=1)
    revocation = service.store.committed.sessions[session.id].revocation
    assert revocation is not None
    assert (revocation.by, revocation.reason) == (RevokedBy.LIMIT, "code_not_redeemed")
    ended, _ = service.audit[told:]
    assert (ended.type, ended.user_id) == (AuditEventType.SESSION_ENDED, session.user_id)
    assert ended.data == {"session_id": str(session.id), "reason": "code_not_redeemed"}
    assert service.store.committed.handoffs == {}


async def test_a_session_that_has_ended_is_not_ended_again_for_its_code(
    service: MemoryService,
) -> None:
    grant = (await service.sign_in()).grant
    handoff = a_handed_over(service, grant.session)
    ended = replace(grant.session, revocation=a_revocation(now=service.clock.now()))
    service.store.committed.sessions[ended.id] = ended
    service.clock.advance(handoff.expires_at + SECOND - service.clock.now())

    assert await purge(service) == Purged(sessions=0, sign_ins=1)
    assert service.store.committed.sessions[ended.id] == ended
    assert service.audit[-1].type is AuditEventType.PURGED
    assert AuditEventType.SESSION_ENDED not in {event.type for event in service.audit}


async def test_a_purge_that_finds_nothing_says_nothing(service: MemoryService) -> None:
    assert await purge(service) == Purged(sessions=0, sign_ins=0)
    assert service.audit == []


async def test_an_outage_is_told() -> None:
    with pytest.raises(UnavailableError):
        await purge(a_memory_service(MemoryStore(), down_storage()))
    with pytest.raises(UnavailableError):
        await a_memory_service(MemoryStore(), down_storage()).container.purge_expired().count()
