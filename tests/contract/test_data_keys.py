"""What every DataKeys promises, run against each adapter."""

from uuid import uuid4

from application.ports.unit_of_work import UnitOfWorkFactory
from domain.data_key import WrappedDataKey
from domain.identifiers import UserId
from tests.support.builders import NOW, a_user_id, a_wrapped_key, an_identity
from tests.support.storage import a_stored_user, link


async def a_stored_key(
    unit_of_work: UnitOfWorkFactory, *, master_key_id: str = "k1"
) -> WrappedDataKey:
    """The key of a new user."""
    user = await a_stored_user(unit_of_work)
    wrapped = a_wrapped_key(user.id, master_key_id=master_key_id)
    async with unit_of_work() as work:
        await work.data_keys.put(wrapped)
        await work.commit()
    return wrapped


async def find(unit_of_work: UnitOfWorkFactory, user_id: UserId) -> WrappedDataKey | None:
    async with unit_of_work() as work:
        return await work.data_keys.find(user_id)


async def test_a_key_is_kept_as_it_was_put(unit_of_work: UnitOfWorkFactory) -> None:
    wrapped = await a_stored_key(unit_of_work)

    assert await find(unit_of_work, wrapped.user_id) == wrapped


async def test_a_user_without_a_key_has_none(unit_of_work: UnitOfWorkFactory) -> None:
    user = await a_stored_user(unit_of_work)

    assert await find(unit_of_work, user.id) is None
    assert await find(unit_of_work, a_user_id()) is None


async def test_a_key_that_was_put_in_a_unit_that_was_not_committed_is_not_kept(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    user = await a_stored_user(unit_of_work)
    async with unit_of_work() as work:
        await work.data_keys.put(a_wrapped_key(user.id))

    assert await find(unit_of_work, user.id) is None


async def test_a_sign_in_finds_the_key_with_its_user(unit_of_work: UnitOfWorkFactory) -> None:
    identity = an_identity()
    user = await a_stored_user(unit_of_work, identity)
    wrapped = a_wrapped_key(user.id)
    async with unit_of_work() as work:
        await work.data_keys.put(wrapped)
        await work.commit()

    async with unit_of_work() as work:
        assert (await link(work, identity)).data_key == wrapped
        aliased = await work.users.link_alias(identity, now=NOW)
        assert aliased is not None
        assert aliased.data_key == wrapped


async def test_a_key_is_replaced_where_it_still_stands(unit_of_work: UnitOfWorkFactory) -> None:
    old = await a_stored_key(unit_of_work)
    new = a_wrapped_key(old.user_id, master_key_id="k2")
    async with unit_of_work() as work:
        assert await work.data_keys.replace(old, new)
        await work.commit()
    assert await find(unit_of_work, old.user_id) == new

    # Another one has come in its place, so nobody's is overwritten.
    async with unit_of_work() as work:
        assert not await work.data_keys.replace(old, a_wrapped_key(old.user_id))
        await work.commit()
    assert await find(unit_of_work, old.user_id) == new


async def test_a_key_that_was_destroyed_is_gone_and_is_not_replaced(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    old, other = [await a_stored_key(unit_of_work) for _ in range(2)]
    async with unit_of_work() as work:
        await work.data_keys.destroy(old.user_id)
        await work.commit()
    assert await find(unit_of_work, old.user_id) is None

    async with unit_of_work() as work:
        assert not await work.data_keys.replace(old, a_wrapped_key(old.user_id))
        await work.commit()
    assert await find(unit_of_work, old.user_id) is None
    assert await find(unit_of_work, other.user_id) == other


async def test_keys_under_other_master_keys_are_listed_in_batches_by_user(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    # Master keys that no other test has, so that theirs make no difference.
    newest, older = f"new-{uuid4()}", f"old-{uuid4()}"
    current = await a_stored_key(unit_of_work, master_key_id=newest)
    behind = [await a_stored_key(unit_of_work, master_key_id=older) for _ in range(5)]
    without = await a_stored_user(unit_of_work)

    listed: list[WrappedDataKey] = []
    async with unit_of_work() as work:
        count = await work.data_keys.count_not_under(newest)
        after: UserId | None = None
        while batch := await work.data_keys.list_not_under(newest, after=after, limit=2):
            assert len(batch) <= 2
            listed += batch
            after = batch[-1].user_id
        assert count == len(listed)

    assert [key for key in listed if key.master_key_id == older] == sorted(
        behind, key=lambda key: key.user_id
    )
    users = {key.user_id for key in listed}
    assert current.user_id not in users
    assert without.id not in users
    assert [key.user_id for key in listed] == sorted(users)
