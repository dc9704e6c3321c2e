"""What every SessionRepository promises, run against each adapter."""

from dataclasses import replace
from datetime import datetime, timedelta

import anyio
import pytest

from application.errors import ConflictError
from application.ports.unit_of_work import UnitOfWorkFactory
from domain.identifiers import SessionId, UserId
from domain.refresh_token import RefreshToken
from domain.revocation import Revocation, RevokedBy
from domain.session import RENEWAL_UNDER_WAY, Session
from tests.support.builders import (
    LIMITS,
    NOW,
    a_refresh_token,
    a_session,
    a_session_id,
    a_token_id,
    a_user_id,
    a_visitor,
    some_login_secrets,
)
from tests.support.storage import (
    a_revocation,
    a_stored_session,
    a_stored_user,
    revoke,
    revoke_all,
    store_sessions,
)
from tests.support.waiting import onlookers

LATER = NOW + timedelta(minutes=5)


async def stored(
    unit_of_work: UnitOfWorkFactory, user_id: UserId, session_id: SessionId
) -> Session | None:
    async with unit_of_work() as work:
        return await work.sessions.lock(user_id, session_id)


async def ended(unit_of_work: UnitOfWorkFactory, user_id: UserId, session_id: SessionId) -> bool:
    """Revoke in a unit of its own; whether that ended anything."""
    async with unit_of_work() as work:
        done = await revoke(work, user_id, session_id)
        await work.commit()
    return done


async def store_renewal(unit_of_work: UnitOfWorkFactory, session: Session) -> bool:
    async with unit_of_work() as work:
        done = await work.sessions.renew(session)
        await work.commit()
    return done


async def store_hand_out(unit_of_work: UnitOfWorkFactory, session: Session) -> bool:
    async with unit_of_work() as work:
        done = await work.sessions.hand_out(session)
        await work.commit()
    return done


def renewed(session: Session, token: RefreshToken, *, now: datetime = LATER) -> Session:
    salt = some_login_secrets().state
    return session.renew(token, salt=salt, token_id=a_token_id(), now=now, limits=LIMITS)


async def a_renewable_session(
    unit_of_work: UnitOfWorkFactory, user_id: UserId | None = None
) -> tuple[Session, RefreshToken]:
    owner = user_id or (await a_stored_user(unit_of_work)).id
    opened = a_session(owner)
    token = a_refresh_token(opened)
    session = opened.hand_out(token, token_id=opened.token_id)
    await store_sessions(unit_of_work, session)
    return session, token


@pytest.mark.parametrize("user_agent", ["Mozilla/5.0 — «ünïcode»", None])
async def test_a_session_is_kept_as_it_was_added(
    unit_of_work: UnitOfWorkFactory, user_agent: str | None
) -> None:
    user = await a_stored_user(unit_of_work)
    now = NOW + timedelta(microseconds=123_456)
    opened = a_session(user.id, visitor=a_visitor(user_agent), now=now)
    session = opened.hand_out(a_refresh_token(opened), token_id=opened.token_id)
    await store_sessions(unit_of_work, session)

    assert await stored(unit_of_work, user.id, session.id) == session


async def test_a_session_is_not_anothers(unit_of_work: UnitOfWorkFactory) -> None:
    session = await a_stored_session(unit_of_work)
    other = await a_stored_user(unit_of_work)

    assert await stored(unit_of_work, other.id, session.id) is None
    assert await stored(unit_of_work, session.user_id, a_session_id()) is None


async def test_adding_an_id_twice_conflicts_and_keeps_the_first(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    session = await a_stored_session(unit_of_work)
    with pytest.raises(ConflictError):
        await store_sessions(unit_of_work, session)

    assert await stored(unit_of_work, session.user_id, session.id) == session


async def test_adding_an_id_twice_in_one_unit_conflicts_and_keeps_neither(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    user = await a_stored_user(unit_of_work)
    session = a_session(user.id)
    with pytest.raises(ConflictError):
        await store_sessions(unit_of_work, session, session)

    assert await stored(unit_of_work, user.id, session.id) is None


async def test_the_live_sessions_are_listed_newest_sign_in_first(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    user = await a_stored_user(unit_of_work)
    older, newer = (
        a_session(user.id, now=NOW - timedelta(minutes=minutes)) for minutes in (20, 10)
    )
    expired = a_session(user.id, now=NOW - timedelta(days=1))
    gone = a_session(user.id)
    await store_sessions(unit_of_work, newer, expired, older, gone)
    await a_stored_session(unit_of_work)
    await ended(unit_of_work, user.id, gone.id)

    async with unit_of_work() as work:
        assert await work.sessions.list_active(user.id, now=NOW) == [newer, older]
        assert await work.sessions.list_active(user.id, now=older.expires_at) == [newer]
        assert await work.sessions.list_active(a_user_id(), now=NOW) == []


async def test_whoever_holds_a_session_makes_others_wait(unit_of_work: UnitOfWorkFactory) -> None:
    session = await a_stored_session(unit_of_work)
    seen: list[Session | None] = []

    async def hold() -> None:
        seen.append(await stored(unit_of_work, session.user_id, session.id))

    async with onlookers() as others, unit_of_work() as work:
        await work.sessions.lock(session.user_id, session.id)
        await others.must_wait(hold)
        assert await revoke(work, session.user_id, session.id)
        await work.commit()
    assert seen == [replace(session, revocation=a_revocation())]


@pytest.mark.case(75)
async def test_a_session_is_revoked_once_and_keeps_how(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    session = await a_stored_session(unit_of_work)
    first = Revocation(at=NOW, by=RevokedBy.OPERATOR, reason="lost_device")
    async with unit_of_work() as work:
        assert await work.sessions.revoke(session.user_id, session.id, first)
        await work.commit()

    assert not await ended(unit_of_work, session.user_id, session.id)
    expected = replace(session, revocation=first)
    assert await stored(unit_of_work, session.user_id, session.id) == expected


@pytest.mark.case(74)
async def test_nobody_can_revoke_the_session_of_another(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    session = await a_stored_session(unit_of_work)
    other = await a_stored_user(unit_of_work)

    assert not await ended(unit_of_work, other.id, session.id)
    assert await stored(unit_of_work, session.user_id, session.id) == session


async def test_revoking_what_is_not_there_ends_nothing(unit_of_work: UnitOfWorkFactory) -> None:
    user = await a_stored_user(unit_of_work)

    assert not await ended(unit_of_work, user.id, a_session_id())


@pytest.mark.case(76)
async def test_revoking_all_ends_the_users_live_sessions_and_no_others(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    user = await a_stored_user(unit_of_work)
    live = [await a_stored_session(unit_of_work, user.id) for _ in range(2)]
    gone = await a_stored_session(unit_of_work, user.id)
    await ended(unit_of_work, user.id, gone.id)
    expired = await a_stored_session(unit_of_work, user.id, now=NOW - timedelta(days=1))
    anothers = await a_stored_session(unit_of_work)
    everywhere = Revocation(at=LATER, by=RevokedBy.USER, reason="logout_all")
    async with unit_of_work() as work:
        revoked = await work.sessions.revoke_all(user.id, everywhere)
        await work.commit()

    assert revoked == sorted(session.id for session in live)
    for session, revocation in [
        *((session, everywhere) for session in live),
        (gone, a_revocation()),
        (expired, None),
        (anothers, None),
    ]:
        expected = replace(session, revocation=revocation)
        assert await stored(unit_of_work, session.user_id, session.id) == expected


@pytest.mark.case(83)
async def test_revoking_all_ends_those_too_that_a_renewal_under_way_could_let_go_on(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    session = await a_stored_session(unit_of_work)
    beyond = session.expires_at + RENEWAL_UNDER_WAY
    async with unit_of_work() as work:
        assert await revoke_all(work, session.user_id, now=beyond) == []
        await work.commit()
    assert await stored(unit_of_work, session.user_id, session.id) == session

    just_before = beyond - timedelta(microseconds=1)
    async with unit_of_work() as work:
        # It was not active any more, so nobody is told that it was ended.
        assert await revoke_all(work, session.user_id, now=just_before) == []
        await work.commit()
    expected = replace(session, revocation=a_revocation(now=just_before))
    assert await stored(unit_of_work, session.user_id, session.id) == expected


async def test_revoking_all_can_spare_one(unit_of_work: UnitOfWorkFactory) -> None:
    user = await a_stored_user(unit_of_work)
    spared, other = [await a_stored_session(unit_of_work, user.id) for _ in range(2)]
    async with unit_of_work() as work:
        revoked = await work.sessions.revoke_all(user.id, a_revocation(), spare=spared.id)
        await work.commit()

    assert revoked == [other.id]
    assert await stored(unit_of_work, user.id, spared.id) == spared


async def test_revoking_all_of_nobody_ends_nothing(unit_of_work: UnitOfWorkFactory) -> None:
    async with unit_of_work() as work:
        assert await revoke_all(work, a_user_id()) == []


async def test_a_unit_sees_the_sessions_it_has_just_added(unit_of_work: UnitOfWorkFactory) -> None:
    user = await a_stored_user(unit_of_work)
    one, other = a_session(user.id), a_session(user.id)
    async with unit_of_work() as work:
        await work.sessions.add(one)
        await work.sessions.add(other)
        assert await work.sessions.lock(user.id, one.id) == one
        assert await revoke(work, user.id, one.id)
        assert await revoke_all(work, user.id) == [other.id]


async def test_a_revocation_that_was_not_committed_ends_nothing(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    session = await a_stored_session(unit_of_work)
    async with unit_of_work() as work:
        assert await revoke(work, session.user_id, session.id)

    assert await stored(unit_of_work, session.user_id, session.id) == session


async def test_a_renewal_is_kept_as_a_whole(unit_of_work: UnitOfWorkFactory) -> None:
    session, token = await a_renewable_session(unit_of_work)
    after = renewed(session, token)

    assert await store_renewal(unit_of_work, after)
    assert await stored(unit_of_work, session.user_id, session.id) == after


async def test_a_renewal_takes_effect_only_on_the_token_it_replaces(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    session, token = await a_renewable_session(unit_of_work)
    first = renewed(session, token)
    await store_renewal(unit_of_work, first)

    assert not await store_renewal(unit_of_work, renewed(session, token))
    assert not await store_renewal(unit_of_work, renewed(session, a_refresh_token(session)))
    assert await stored(unit_of_work, session.user_id, session.id) == first


@pytest.mark.case(84)
async def test_neither_renewal_nor_hand_out_brings_a_revoked_session_back(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    session, token = await a_renewable_session(unit_of_work)
    await ended(unit_of_work, session.user_id, session.id)

    assert not await store_renewal(unit_of_work, renewed(session, token))
    handed = session.hand_out(a_refresh_token(session), token_id=a_token_id())
    assert not await store_hand_out(unit_of_work, handed)
    expected = replace(session, revocation=a_revocation())
    assert await stored(unit_of_work, session.user_id, session.id) == expected


@pytest.mark.case(81)
async def test_of_racing_renewals_one_takes_effect(unit_of_work: UnitOfWorkFactory) -> None:
    session, token = await a_renewable_session(unit_of_work)
    candidates = [renewed(session, token) for _ in range(16)]
    winners: list[Session] = []

    async def race(candidate: Session) -> None:
        if await store_renewal(unit_of_work, candidate):
            winners.append(candidate)

    async with anyio.create_task_group() as tasks:
        for candidate in candidates:
            tasks.start_soon(race, candidate)

    assert len(winners) == 1
    assert await stored(unit_of_work, session.user_id, session.id) == winners[0]


async def test_handing_out_replaces_the_refresh_token_and_the_jwt(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    session, token = await a_renewable_session(unit_of_work)
    after = renewed(session, token)
    await store_renewal(unit_of_work, after)
    handed = after.hand_out(a_refresh_token(session), token_id=a_token_id())

    assert await store_hand_out(unit_of_work, handed)
    assert await stored(unit_of_work, session.user_id, session.id) == handed


async def test_renewing_or_handing_out_what_is_not_there_changes_nothing(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    session, token = await a_renewable_session(unit_of_work)
    other = await a_stored_user(unit_of_work)
    moved = replace(renewed(session, token), user_id=other.id)

    assert not await store_renewal(unit_of_work, moved)
    assert not await store_hand_out(unit_of_work, moved)
    assert await stored(unit_of_work, session.user_id, session.id) == session
