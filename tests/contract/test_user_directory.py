"""What every UserDirectory promises, run against each adapter."""

from datetime import timedelta

import pytest

from application.ports.unit_of_work import UnitOfWorkFactory
from application.ports.user_directory import UserDirectory
from domain.identifiers import UserId
from domain.user import Profile, User
from tests.support.builders import NOW, a_user_id, an_account, an_identity, some_sealed_tokens
from tests.support.storage import a_stored_user, link


async def shown(user_directory: UserDirectory, user_id: UserId) -> User | None:
    profile = await user_directory.find(user_id)
    return None if profile is None else profile.user


@pytest.mark.case(47)
async def test_whoever_has_no_good_tokens_of_vas_needs_a_sign_in(
    unit_of_work: UnitOfWorkFactory, user_directory: UserDirectory
) -> None:
    user = await a_stored_user(unit_of_work)
    assert await user_directory.find(user.id) == Profile(user=user, needs_va_sign_in=True)

    for needs_sign_in in (False, True, False):
        async with unit_of_work() as work:
            if needs_sign_in:
                kept = await work.va_token_refreshes.find(user.id)
                assert kept is not None
                lease = await work.va_token_refreshes.take(
                    user.id, kept.state.generation, now=NOW, lasts=timedelta()
                )
                assert lease is not None
                await work.va_token_refreshes.require_sign_in(lease, now=NOW)
            else:
                tokens = some_sealed_tokens(user.id)
                await work.va_tokens.save(tokens, account=an_account(), now=NOW)
            await work.commit()

        found = await user_directory.find(user.id)
        assert found == Profile(user=user, needs_va_sign_in=needs_sign_in)


async def test_a_user_is_found_with_all_that_is_known_of_it(
    unit_of_work: UnitOfWorkFactory, user_directory: UserDirectory
) -> None:
    user = await a_stored_user(unit_of_work)

    assert await shown(user_directory, user.id) == user


async def test_nobody_is_found_who_is_not_there(user_directory: UserDirectory) -> None:
    assert await user_directory.find(a_user_id()) is None


async def test_news_of_a_user_are_seen_once_they_are_committed_and_not_before(
    unit_of_work: UnitOfWorkFactory, user_directory: UserDirectory
) -> None:
    user = await a_stored_user(unit_of_work)
    news = an_identity(user.icn, email="new@veterans.example")
    async with unit_of_work() as work:
        changed = await link(work, news, now=NOW + timedelta(days=1))
        stranger = await link(work, an_identity())
        assert await shown(user_directory, user.id) == user
        assert await user_directory.find(stranger.user.id) is None
        await work.commit()

        assert await shown(user_directory, user.id) == changed.user
        assert await shown(user_directory, stranger.user.id) == stranger.user


async def test_users_who_were_merged_into_one_are_known(
    unit_of_work: UnitOfWorkFactory, user_directory: UserDirectory
) -> None:
    one, other, kept = [(await a_stored_user(unit_of_work)).id for _ in range(3)]
    for user_id in (one, other):
        async with unit_of_work() as work:
            await work.users.merge(user_id, into=kept, now=NOW)
            await work.commit()

    assert await user_directory.merged_into(kept) == {one, other}
    assert await user_directory.merged_into(one) == frozenset()
