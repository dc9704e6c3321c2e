"""What every Purge promises, run against each adapter."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from application.ports.unit_of_work import UnitOfWorkFactory
from domain.handoff import Handoff, HandoffTicket
from domain.login_attempt import ATTEMPT_KEPT_FOR, AttemptRefusal
from domain.secret import Secret
from domain.session import Session
from tests.support.builders import (
    a_login_attempt,
    a_login_start,
    a_session,
    a_token_id,
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


async def purge_sessions(storage: Storage, ended_before: datetime, *, limit: int = 100) -> int:
    """One batch in a unit of its own; how many went."""
    async with storage.unit_of_work() as work:
        removed = await work.purge.sessions(ended_before=ended_before, limit=limit)
        await work.commit()
    return removed


async def purge_sign_ins(storage: Storage, ended_before: datetime, *, limit: int = 100) -> int:
    """One batch in a unit of its own; how many went."""
    async with storage.unit_of_work() as work:
        removed = await work.purge.sign_ins(ended_before=ended_before, limit=limit)
        await work.commit()
    return removed


async def drain(storage: Storage, ended_before: datetime) -> None:
    while await purge_sessions(storage, ended_before):
        pass
    while await purge_sign_ins(storage, ended_before):
        pass


async def counts(unit_of_work: UnitOfWorkFactory, ended_before: datetime) -> tuple[int, int]:
    """How many sessions and sign-ins there are to remove."""
    async with unit_of_work() as work:
        return (
            await work.purge.count_sessions(ended_before=ended_before),
            await work.purge.count_sign_ins(ended_before=ended_before),
        )


async def test_sessions_go_once_they_ended_before_then(storage: Storage) -> None:
    sessions = await some_sessions(storage, THEN, THEN + timedelta(hours=1))
    end = sessions[0].expires_at

    assert await purge_sessions(storage, end) == 0
    assert await purge_sessions(storage, end + A_MOMENT) == 1
    assert await what_is_left(storage, sessions) == [False, True]
    await drain(storage, THEN + timedelta(days=1))


async def test_a_revoked_session_ends_when_it_was_revoked(storage: Storage) -> None:
    (session,) = await some_sessions(storage, THEN)
    async with storage.unit_of_work() as work:
        await revoke(work, session.user_id, session.id, now=THEN + A_MOMENT)
        await work.commit()

    assert await purge_sessions(storage, THEN + A_MOMENT) == 0
    assert await purge_sessions(storage, THEN + 2 * A_MOMENT) == 1
    assert await what_is_left(storage, [session]) == [False]


@pytest.mark.case(93)
async def test_a_session_that_stands_never_goes(storage: Storage) -> None:
    (session,) = await some_sessions(storage, THEN)
    await drain(storage, session.expires_at)

    assert await what_is_left(storage, [session]) == [True]
    await drain(storage, THEN + timedelta(days=1))


async def test_no_more_than_the_limit_goes_at_once(storage: Storage) -> None:
    sessions = await some_sessions(storage, *[THEN] * 5)
    then = THEN + timedelta(days=1)

    removed = [await purge_sessions(storage, then, limit=2) for _ in range(4)]
    assert removed == [2, 2, 1, 0]
    assert await what_is_left(storage, sessions) == [False] * 5


async def test_what_was_removed_is_back_when_the_unit_is_left_without_a_commit(
    storage: Storage,
) -> None:
    sessions = await some_sessions(storage, THEN)
    await storage.login_attempts.add(a_login_attempt(now=THEN), a_login_start())
    then = THEN + timedelta(days=1)
    async with storage.unit_of_work() as work:
        assert await work.purge.sessions(ended_before=then, limit=100) == 1
        assert await work.purge.sign_ins(ended_before=then, limit=100) == 1

    assert await what_is_left(storage, sessions) == [True]
    assert await counts(storage.unit_of_work, then) == (1, 1)
    await drain(storage, then)


async def test_what_there_is_to_remove_is_counted_and_left(storage: Storage) -> None:
    begins = (THEN, THEN, THEN + timedelta(hours=1))
    one, other, later = await some_sessions(storage, *begins)
    async with storage.unit_of_work() as work:
        await revoke(work, one.user_id, one.id, now=THEN + A_MOMENT)
        await work.commit()
    attempt = a_login_attempt(now=THEN)
    await storage.login_attempts.add(attempt, a_login_start())
    async with storage.unit_of_work() as work:
        await work.service_clients.use_up(an_assertion(forget_at=THEN))
        await work.commit()

    assert await counts(storage.unit_of_work, THEN) == (0, 0)
    assert await counts(storage.unit_of_work, THEN + 2 * A_MOMENT) == (1, 1)
    assert await counts(storage.unit_of_work, other.expires_at + A_MOMENT) == (2, 1)
    forgotten_at = attempt.expires_at + ATTEMPT_KEPT_FOR
    assert await counts(storage.unit_of_work, forgotten_at) == (3, 1)
    assert await counts(storage.unit_of_work, forgotten_at + A_MOMENT) == (3, 2)
    assert await what_is_left(storage, [one, other, later]) == [True] * 3
    await drain(storage, THEN + timedelta(days=1))


async def test_login_attempts_go_a_while_after_their_end(storage: Storage) -> None:
    secrets = some_login_secrets()
    attempt = a_login_attempt(secrets, now=THEN)
    await storage.login_attempts.add(attempt, a_login_start())

    async def is_left() -> bool:
        outcome = await storage.login_attempts.consume(
            state_hash=secrets.state_hash, browser_hash=b"another browser's", now=THEN
        )
        return outcome is AttemptRefusal.OTHER_BROWSER

    forgotten_at = attempt.expires_at + ATTEMPT_KEPT_FOR
    assert await purge_sign_ins(storage, forgotten_at) == 0
    assert await is_left()
    assert await purge_sign_ins(storage, forgotten_at + A_MOMENT) == 1
    assert not await is_left()


async def test_one_time_codes_are_counted_and_left_to_who_ends_their_sessions(
    storage: Storage,
) -> None:
    (session,) = await some_sessions(storage, THEN)
    ticket = HandoffTicket(code=Secret(a_token_id()), browser=Secret(a_token_id()))
    handoff = Handoff.of(ticket, user_id=session.user_id, session_id=session.id, now=THEN)
    async with storage.unit_of_work() as work:
        await work.handoffs.add(handoff)
        await work.commit()

    then = handoff.expires_at + A_MOMENT
    assert await counts(storage.unit_of_work, handoff.expires_at) == (0, 0)
    assert await counts(storage.unit_of_work, then) == (0, 1)
    assert await purge_sign_ins(storage, then) == 0
    async with storage.unit_of_work() as work:
        assert await work.handoffs.take_expired(before=then, limit=10) == [handoff]
        await work.commit()
    await drain(storage, THEN + timedelta(days=1))


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

    assert await purge_sign_ins(storage, THEN) == 0
    assert not await is_new()
    assert await purge_sign_ins(storage, THEN + A_MOMENT, limit=1) == 1
    assert await is_new()
