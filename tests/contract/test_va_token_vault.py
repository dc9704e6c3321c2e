"""What every VATokenVault promises, run against each adapter."""

from dataclasses import replace
from datetime import timedelta

from application.ports.unit_of_work import UnitOfWorkFactory
from domain.identifiers import UserId
from domain.va_tokens import SealedVATokens
from tests.support.builders import NOW, a_user_id, some_sealed_tokens
from tests.support.storage import a_stored_user

LATER = NOW + timedelta(days=1)


async def save(unit_of_work: UnitOfWorkFactory, tokens: SealedVATokens) -> None:
    async with unit_of_work() as work:
        await work.va_tokens.save(tokens, now=NOW)
        await work.commit()


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


async def test_case_55_a_refresh_token_that_is_left_out_keeps_the_stored_one(
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
        await work.va_tokens.save(tokens, now=NOW)
        assert await work.va_tokens.find(user.id) == tokens

    assert await find(unit_of_work, user.id) is None
