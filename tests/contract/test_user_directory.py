"""What every UserDirectory promises, run against each adapter."""

from datetime import timedelta

from application.ports.unit_of_work import UnitOfWorkFactory
from application.ports.user_directory import UserDirectory
from tests.support.builders import NOW, a_user_id, an_identity
from tests.support.storage import a_stored_user, link


async def test_a_user_is_found_with_all_that_is_known_of_it(
    unit_of_work: UnitOfWorkFactory, user_directory: UserDirectory
) -> None:
    user = await a_stored_user(unit_of_work)

    assert await user_directory.find(user.id) == user


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
        assert await user_directory.find(user.id) == user
        assert await user_directory.find(stranger.user.id) is None
        await work.commit()

        assert await user_directory.find(user.id) == changed.user
        assert await user_directory.find(stranger.user.id) == stranger.user
