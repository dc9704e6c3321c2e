"""What every SessionLookup promises, run against each adapter."""

from dataclasses import replace
from datetime import timedelta

import pytest

from application.ports.session_lookup import SessionLookup
from application.ports.unit_of_work import UnitOfWorkFactory
from domain.front_end import SETTINGS_FRONT_END, FrontEndId
from tests.support.builders import NOW, a_front_end, a_session, a_session_id
from tests.support.storage import (
    a_stored_session,
    a_stored_user,
    revoke,
    revoke_all,
    standing_of,
    store_sessions,
)


@pytest.mark.parametrize("front_end", [SETTINGS_FRONT_END, a_front_end().id])
async def test_a_session_is_found_with_all_that_is_known_of_it(
    unit_of_work: UnitOfWorkFactory, session_lookup: SessionLookup, front_end: FrontEndId
) -> None:
    user = await a_stored_user(unit_of_work)
    session = replace(
        a_session(user.id, now=NOW + timedelta(microseconds=123_456)), front_end=front_end
    )
    await store_sessions(unit_of_work, session)

    assert await session_lookup.find(user.id, session.id) == standing_of(session)


@pytest.mark.case(64)
async def test_a_session_is_not_found_under_another_user(
    unit_of_work: UnitOfWorkFactory, session_lookup: SessionLookup
) -> None:
    session = await a_stored_session(unit_of_work)
    other = await a_stored_user(unit_of_work)

    assert await session_lookup.find(other.id, session.id) is None


@pytest.mark.case(63)
async def test_what_was_never_stored_is_not_found(
    unit_of_work: UnitOfWorkFactory, session_lookup: SessionLookup
) -> None:
    user = await a_stored_user(unit_of_work)

    assert await session_lookup.find(user.id, a_session_id()) is None


async def test_an_expired_session_is_still_found(
    unit_of_work: UnitOfWorkFactory, session_lookup: SessionLookup
) -> None:
    session = await a_stored_session(unit_of_work, now=NOW - timedelta(days=1))

    found = await session_lookup.find(session.user_id, session.id)
    assert found == standing_of(session)
    assert not found.is_active(NOW)


@pytest.mark.case(82)
async def test_a_revocation_is_seen_as_soon_as_it_is_acknowledged(
    unit_of_work: UnitOfWorkFactory, session_lookup: SessionLookup
) -> None:
    user = await a_stored_user(unit_of_work)
    for _ in range(20):
        session = await a_stored_session(unit_of_work, user.id)
        before = await session_lookup.find(user.id, session.id)
        async with unit_of_work() as work:
            await revoke(work, user.id, session.id)
            await work.commit()
            after = await session_lookup.find(user.id, session.id)
        assert before is not None
        assert before.is_active(NOW)
        assert after is not None
        assert not after.is_active(NOW)


async def test_what_is_not_committed_is_not_seen(
    unit_of_work: UnitOfWorkFactory, session_lookup: SessionLookup
) -> None:
    session = await a_stored_session(unit_of_work)
    new = a_session(session.user_id)
    async with unit_of_work() as work:
        await revoke_all(work, session.user_id)
        await work.sessions.add(new)
        # The unit's own read makes sure that both changes have reached the store.
        await revoke_all(work, session.user_id, now=new.expires_at)

        assert await session_lookup.find(session.user_id, session.id) == standing_of(session)
        assert await session_lookup.find(session.user_id, new.id) is None
