"""What every Purge promises, run against each adapter."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from application.ports.purge import Purge
from domain.audit_event import AuditEvent, AuditEventType
from domain.handoff import Handoff, HandoffTicket
from domain.login_attempt import AttemptRefusal
from domain.secret import Secret
from domain.session import Session
from tests.support.builders import (
    a_login_attempt,
    a_login_start,
    a_purge,
    a_session,
    a_token_id,
    a_visitor,
    some_login_secrets,
)
from tests.support.service_clients import an_assertion
from tests.support.storage import Storage, a_stored_user, revoke, store_sessions

#: Long before any other test takes place, so that nobody else's rows are old enough.
THEN = datetime(1990, 1, 1, tzinfo=UTC)
A_MOMENT = timedelta(microseconds=1)


async def what_is_left(storage: Storage, sessions: Sequence[Session]) -> list[bool]:
    found = [await storage.session_lookup.find(each.user_id, each.id) for each in sessions]
    return [session is not None for session in found]


async def some_sessions(storage: Storage, *begins: datetime) -> list[Session]:
    user = await a_stored_user(storage.unit_of_work)
    sessions = [a_session(user.id, now=begin) for begin in begins]
    await store_sessions(storage.unit_of_work, *sessions)
    return sessions


async def drain(purge: Purge, ended_before: datetime) -> None:
    while await purge.sessions(ended_before=ended_before, limit=100, note=a_purge):
        pass
    while await purge.sign_ins(ended_before=ended_before, limit=100, note=a_purge):
        pass


async def test_sessions_go_once_they_ended_before_then(storage: Storage) -> None:
    sessions = await some_sessions(storage, THEN, THEN + timedelta(hours=1))
    end = sessions[0].expires_at

    assert await storage.purge.sessions(ended_before=end, limit=100, note=a_purge) == 0
    assert await storage.purge.sessions(ended_before=end + A_MOMENT, limit=100, note=a_purge) == 1
    assert await what_is_left(storage, sessions) == [False, True]
    await drain(storage.purge, THEN + timedelta(days=1))


async def test_a_revoked_session_ends_when_it_was_revoked(storage: Storage) -> None:
    (session,) = await some_sessions(storage, THEN)
    async with storage.unit_of_work() as work:
        await revoke(work, session.user_id, session.id, now=THEN + A_MOMENT)
        await work.commit()

    assert await storage.purge.sessions(ended_before=THEN + A_MOMENT, limit=100, note=a_purge) == 0
    assert (
        await storage.purge.sessions(ended_before=THEN + 2 * A_MOMENT, limit=100, note=a_purge) == 1
    )
    assert await what_is_left(storage, [session]) == [False]


async def test_case_93_a_session_that_stands_never_goes(storage: Storage) -> None:
    (session,) = await some_sessions(storage, THEN)
    await drain(storage.purge, session.expires_at)

    assert await what_is_left(storage, [session]) == [True]
    await drain(storage.purge, THEN + timedelta(days=1))


async def test_a_batch_of_any_rows_is_audited_with_how_many_went(own_storage: Storage) -> None:
    user = (await some_sessions(own_storage, THEN, THEN))[0].user_id
    then = THEN + timedelta(days=1)

    def note(rows: int) -> AuditEvent:
        return AuditEvent.of_user(
            AuditEventType.PURGED, user, visitor=a_visitor(), now=THEN, rows=rows
        )

    assert await own_storage.purge.sessions(ended_before=then, limit=100, note=note) == 2
    assert await own_storage.purge.sessions(ended_before=then, limit=100, note=note) == 0
    async with own_storage.unit_of_work() as work:
        (event,) = await work.audit.list_for(user)
    assert (event.type, event.data) == (AuditEventType.PURGED, {"rows": 2})
    assert event.visitor.user_agent is None


async def test_what_cannot_be_audited_stays(storage: Storage) -> None:
    sessions = await some_sessions(storage, THEN)

    def fail(_rows: int) -> AuditEvent:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await storage.purge.sessions(ended_before=THEN + timedelta(days=1), limit=9, note=fail)
    assert await what_is_left(storage, sessions) == [True]
    await drain(storage.purge, THEN + timedelta(days=1))


async def test_no_more_than_the_limit_goes_at_once(storage: Storage) -> None:
    sessions = await some_sessions(storage, *[THEN] * 5)
    then = THEN + timedelta(days=1)

    removed = [
        await storage.purge.sessions(ended_before=then, limit=2, note=a_purge) for _ in range(4)
    ]
    assert removed == [2, 2, 1, 0]
    assert await what_is_left(storage, sessions) == [False] * 5


async def test_login_attempts_go_once_they_ended_before_then(storage: Storage) -> None:
    secrets = some_login_secrets()
    attempt = a_login_attempt(secrets, now=THEN)
    await storage.login_attempts.add(attempt, a_login_start())

    async def is_left() -> bool:
        outcome = await storage.login_attempts.consume(
            state_hash=secrets.state_hash, browser_hash=b"another browser's", now=THEN
        )
        return outcome is AttemptRefusal.OTHER_BROWSER

    assert (
        await storage.purge.sign_ins(ended_before=attempt.expires_at, limit=100, note=a_purge) == 0
    )
    assert await is_left()
    assert (
        await storage.purge.sign_ins(
            ended_before=attempt.expires_at + A_MOMENT, limit=100, note=a_purge
        )
        == 1
    )
    assert not await is_left()


async def test_one_time_codes_go_once_they_ended_before_then(storage: Storage) -> None:
    (session,) = await some_sessions(storage, THEN)
    ticket = HandoffTicket(code=Secret(a_token_id()), browser=Secret(a_token_id()))
    handoff = Handoff.of(ticket, user_id=session.user_id, session_id=session.id, now=THEN)
    async with storage.unit_of_work() as work:
        await work.handoffs.add(handoff)
        await work.commit()

    assert (
        await storage.purge.sign_ins(ended_before=handoff.expires_at, limit=100, note=a_purge) == 0
    )
    assert (
        await storage.purge.sign_ins(
            ended_before=handoff.expires_at + A_MOMENT, limit=1, note=a_purge
        )
        == 1
    )
    async with storage.unit_of_work() as work:
        taken = await work.handoffs.take(
            code_hash=handoff.code_hash, browser_hash=handoff.browser_hash, now=THEN
        )
    assert taken is None
    await drain(storage.purge, THEN + timedelta(days=1))


async def test_used_assertions_go_once_they_would_be_refused_for_their_age(
    storage: Storage,
) -> None:
    assertion = an_assertion(forget_at=THEN)

    async def is_new() -> bool:
        async with storage.unit_of_work() as work:
            return await work.service_clients.use_up(assertion)

    async with storage.unit_of_work() as work:
        await work.service_clients.use_up(assertion)
        await work.commit()

    assert await storage.purge.sign_ins(ended_before=THEN, limit=100, note=a_purge) == 0
    assert not await is_new()
    assert await storage.purge.sign_ins(ended_before=THEN + A_MOMENT, limit=1, note=a_purge) == 1
    assert await is_new()
