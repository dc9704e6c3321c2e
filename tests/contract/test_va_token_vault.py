"""What every VATokenVault promises, run against each adapter."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from application.ports.unit_of_work import UnitOfWorkFactory
from domain.identifiers import UserId
from domain.va_identity import VAAccount
from domain.va_tokens import SealedVATokens
from tests.support.builders import NOW, a_user_id, an_account, some_sealed_tokens
from tests.support.storage import a_stored_user

LATER = NOW + timedelta(days=1)


#: Whose tokens they are, unless a test says otherwise.
ACCOUNT = an_account()


async def save(
    unit_of_work: UnitOfWorkFactory,
    tokens: SealedVATokens,
    *,
    account: VAAccount | None = ACCOUNT,
    now: datetime = NOW,
) -> None:
    async with unit_of_work() as work:
        await work.va_tokens.save(tokens, account=account, now=now)
        await work.commit()


async def replaced(unit_of_work: UnitOfWorkFactory, user_id: UserId) -> list[bytes]:
    async with unit_of_work() as work:
        return await work.va_tokens.list_replaced(user_id)


async def find(unit_of_work: UnitOfWorkFactory, user_id: UserId) -> SealedVATokens | None:
    async with unit_of_work() as work:
        return await work.va_tokens.find(user_id)


async def test_tokens_are_kept_as_they_were_saved(unit_of_work: UnitOfWorkFactory) -> None:
    user = await a_stored_user(unit_of_work)
    tokens = some_sealed_tokens(user.id)
    await save(unit_of_work, tokens)

    assert await find(unit_of_work, user.id) == tokens


async def test_a_user_without_tokens_has_none(unit_of_work: UnitOfWorkFactory) -> None:
    assert await find(unit_of_work, a_user_id()) is None


async def test_tokens_may_come_without_a_refresh_token(unit_of_work: UnitOfWorkFactory) -> None:
    user = await a_stored_user(unit_of_work)
    tokens = some_sealed_tokens(user.id, refresh=False)
    await save(unit_of_work, tokens)

    assert await find(unit_of_work, user.id) == tokens


async def test_newer_tokens_replace_every_field(unit_of_work: UnitOfWorkFactory) -> None:
    user = await a_stored_user(unit_of_work)
    await save(unit_of_work, some_sealed_tokens(user.id))
    newer = replace(
        some_sealed_tokens(user.id, scope="openid profile", now=LATER), token_type="DPoP"
    )
    await save(unit_of_work, newer)

    assert await find(unit_of_work, user.id) == newer


@pytest.mark.case(55)
async def test_a_refresh_token_that_is_left_out_keeps_the_stored_one(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    user = await a_stored_user(unit_of_work)
    first = some_sealed_tokens(user.id)
    await save(unit_of_work, first)
    newer = replace(
        some_sealed_tokens(user.id, refresh=False, scope="openid profile", now=LATER),
        token_type="DPoP",
    )
    await save(unit_of_work, newer)

    expected = replace(newer, refresh_token=first.refresh_token)
    assert await find(unit_of_work, user.id) == expected


@pytest.mark.case(55)
@pytest.mark.parametrize("account", [an_account(), None])
async def test_what_is_left_out_is_not_taken_from_another_account(
    unit_of_work: UnitOfWorkFactory, account: VAAccount | None
) -> None:
    user = await a_stored_user(unit_of_work)
    first = some_sealed_tokens(user.id)
    await save(unit_of_work, first)
    newer = replace(some_sealed_tokens(user.id, refresh=False), id_token=None)
    await save(unit_of_work, newer, account=account)

    assert await find(unit_of_work, user.id) == newer
    # VA takes it still.
    assert await replaced(unit_of_work, user.id) == [first.refresh_token]


async def test_refresh_tokens_that_were_replaced_are_kept_for_as_long_as_va_takes_them(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    user, other = [await a_stored_user(unit_of_work) for _ in range(2)]
    days = [0, 1, 42, 44]
    tokens = [some_sealed_tokens(user.id) for _ in days]
    for day, each in zip(days, tokens, strict=True):
        await save(unit_of_work, each, now=NOW + timedelta(days=day))
    await save(unit_of_work, some_sealed_tokens(user.id, refresh=False))
    await save(unit_of_work, some_sealed_tokens(other.id))

    # The first was replaced on the second day, and has died by the last.
    assert await replaced(unit_of_work, user.id) == [
        each.refresh_token for each in reversed(tokens[1:3])
    ]
    assert await replaced(unit_of_work, other.id) == []
    async with unit_of_work() as work:
        await work.va_tokens.destroy(user.id)
        await work.commit()
    assert await replaced(unit_of_work, user.id) == []


async def test_early_tokens_that_are_replaced_keep_no_master_key_in_use(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    user = await a_stored_user(unit_of_work)
    early = replace(some_sealed_tokens(user.id), refresh_token=b"v1.k1.AAAA")
    await save(unit_of_work, early)
    await save(unit_of_work, some_sealed_tokens(user.id))

    assert await replaced(unit_of_work, user.id) == []


async def test_the_tokens_of_one_user_are_not_anothers(unit_of_work: UnitOfWorkFactory) -> None:
    one, other = [await a_stored_user(unit_of_work) for _ in range(2)]
    kept = some_sealed_tokens(one.id)
    await save(unit_of_work, kept)
    await save(unit_of_work, some_sealed_tokens(other.id))

    assert await find(unit_of_work, one.id) == kept


async def test_a_unit_sees_the_tokens_it_has_just_saved_and_nobody_else_does(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    user = await a_stored_user(unit_of_work)
    tokens = some_sealed_tokens(user.id)
    async with unit_of_work() as work:
        await work.va_tokens.save(tokens, account=an_account(), now=NOW)
        assert await work.va_tokens.find(user.id) == tokens

    assert await find(unit_of_work, user.id) is None


async def test_tokens_may_come_without_an_id_token_and_the_stored_one_stays(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    user = await a_stored_user(unit_of_work)
    without = replace(some_sealed_tokens(user.id), id_token=None)
    await save(unit_of_work, without)
    assert await find(unit_of_work, user.id) == without

    first = some_sealed_tokens(user.id)
    await save(unit_of_work, first)
    newer = replace(some_sealed_tokens(user.id), id_token=None)
    await save(unit_of_work, newer)
    assert await find(unit_of_work, user.id) == replace(newer, id_token=first.id_token)


async def test_tokens_that_were_destroyed_are_gone_and_do_not_come_back(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    one, other = [await a_stored_user(unit_of_work) for _ in range(2)]
    kept = some_sealed_tokens(other.id)
    await save(unit_of_work, some_sealed_tokens(one.id))
    await save(unit_of_work, kept)
    async with unit_of_work() as work:
        await work.va_tokens.destroy(one.id)
        await work.va_tokens.destroy(a_user_id())
        await work.commit()

    assert await find(unit_of_work, one.id) is None
    assert await find(unit_of_work, other.id) == kept
    # A refresh token that is left out has nothing to keep any more.
    later = some_sealed_tokens(one.id, refresh=False)
    await save(unit_of_work, later)
    assert await find(unit_of_work, one.id) == later


async def test_users_with_any_token_older_than_data_keys_are_listed_in_batches(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    users = sorted([(await a_stored_user(unit_of_work)).id for _ in range(6)])
    # All of them early, the access token alone, the refresh token alone; and three that are not.
    early = {"access_token": b"v1.k1.AAAA", "refresh_token": b"v1.k1.AAAA"}
    changes: list[dict[str, Any]] = [
        early,
        {"access_token": early["access_token"]},
        {"refresh_token": early["refresh_token"]},
        {"access_token": b"v2.1.AAAA"},
        {"access_token": b"v10.k1.AAAA"},
        {"access_token": b"gAAAAAB"},
    ]
    for user_id, change in zip(users, changes, strict=True):
        await save(unit_of_work, replace(some_sealed_tokens(user_id), **change))

    listed: list[UserId] = []
    async with unit_of_work() as work:
        after: UserId | None = None
        while batch := await work.va_tokens.list_sealed_early(after=after, limit=2):
            assert len(batch) <= 2
            listed += batch
            after = batch[-1]
        assert listed == sorted(listed)
        assert [user_id for user_id in listed if user_id in users] == users[:3]
        # So that no other test finds them.
        for user_id in users:
            await work.va_tokens.destroy(user_id)
        await work.commit()


async def test_users_who_have_not_signed_in_since_then_are_listed(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    # Long before any other test.
    since = NOW - timedelta(days=5000)
    moment = timedelta(microseconds=1)
    away = await a_stored_user(unit_of_work, now=since)
    back = await a_stored_user(unit_of_work, now=since + moment)
    without = await a_stored_user(unit_of_work, now=since)
    for user in (away, back):
        await save(unit_of_work, some_sealed_tokens(user.id))

    async with unit_of_work() as work:
        listed = await work.va_tokens.list_unused(since=since, limit=100)
        assert away.id in listed
        assert back.id not in listed
        assert without.id not in listed
        both = await work.va_tokens.list_unused(since=since + moment, limit=100)
        assert both == sorted(both)
        assert await work.va_tokens.count_unused(since=since + moment) == len(both)
        assert await work.va_tokens.count_unused(since=since) == len(both) - 1
        assert {away.id, back.id} <= set(both)
        assert await work.va_tokens.list_unused(since=since + moment, limit=1) == both[:1]
