"""What every VATokenRefreshes promises, run against each adapter."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import anyio
import pytest

from application.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.identifiers import UserId
from domain.va_identity import VAAccount
from domain.va_token_refresh import KeptVATokens, RefreshLease, RefreshState, TokenGeneration
from domain.va_tokens import SealedVATokens
from tests.support.builders import NOW, a_user_id, an_account, some_sealed_tokens
from tests.support.storage import a_stored_user

LASTS = timedelta(seconds=30)
UNTIL = NOW + LASTS
MOMENT = timedelta(microseconds=1)


async def a_link(
    unit_of_work: UnitOfWorkFactory, account: VAAccount | None = None
) -> SealedVATokens:
    """Tokens of a new user."""
    tokens = some_sealed_tokens((await a_stored_user(unit_of_work)).id)
    await sign_in(unit_of_work, tokens, account)
    return tokens


async def sign_in(
    unit_of_work: UnitOfWorkFactory, tokens: SealedVATokens, account: VAAccount | None = None
) -> None:
    async with unit_of_work() as work:
        await work.va_tokens.save(tokens, account=account or an_account(), now=NOW)
        await work.commit()


async def found(unit_of_work: UnitOfWorkFactory, user_id: UserId) -> KeptVATokens:
    async with unit_of_work() as work:
        kept = await work.va_token_refreshes.find(user_id)
    assert kept is not None
    return kept


async def take(
    unit_of_work: UnitOfWorkFactory,
    user_id: UserId,
    generation: TokenGeneration | None = None,
    *,
    now: datetime = NOW,
    lasts: timedelta = LASTS,
) -> RefreshLease | None:
    """Ask for the lease on a generation, the stored one unless another is named."""
    generation = generation or (await found(unit_of_work, user_id)).state.generation
    async with unit_of_work() as work:
        lease = await work.va_token_refreshes.take(user_id, generation, now=now, lasts=lasts)
        await work.commit()
    return lease


async def a_lease(unit_of_work: UnitOfWorkFactory, user_id: UserId, **options: Any) -> RefreshLease:
    lease = await take(unit_of_work, user_id, **options)
    assert lease is not None
    return lease


async def committed(
    unit_of_work: UnitOfWorkFactory, write: Callable[[UnitOfWork], Awaitable[bool]]
) -> bool:
    async with unit_of_work() as work:
        done = await write(work)
        await work.commit()
    return done


async def renew(
    unit_of_work: UnitOfWorkFactory, lease: RefreshLease, tokens: SealedVATokens
) -> bool:
    return await committed(
        unit_of_work, lambda work: work.va_token_refreshes.renew(lease, tokens, now=NOW)
    )


async def put_off(
    unit_of_work: UnitOfWorkFactory, lease: RefreshLease, until: datetime = UNTIL
) -> bool:
    return await committed(
        unit_of_work, lambda work: work.va_token_refreshes.put_off(lease, until=until)
    )


async def require_sign_in(unit_of_work: UnitOfWorkFactory, lease: RefreshLease) -> bool:
    return await committed(
        unit_of_work, lambda work: work.va_token_refreshes.require_sign_in(lease, now=NOW)
    )


async def test_a_sign_in_begins_a_generation_of_its_account(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    account = an_account()
    tokens = await a_link(unit_of_work, account)

    kept = await found(unit_of_work, tokens.user_id)
    generation = kept.state.generation
    assert generation.number == 1
    assert kept == KeptVATokens(
        sealed=tokens, state=RefreshState(generation=generation, account=account)
    )


async def test_tokens_whose_account_nobody_knows_have_none(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    tokens = some_sealed_tokens((await a_stored_user(unit_of_work)).id)
    async with unit_of_work() as work:
        await work.va_tokens.save(tokens, account=None, now=NOW)
        await work.commit()

    assert (await found(unit_of_work, tokens.user_id)).state.account is None


async def test_a_user_without_tokens_has_nothing_to_refresh(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    generation = (await found(unit_of_work, (await a_link(unit_of_work)).user_id)).state.generation
    async with unit_of_work() as work:
        assert await work.va_token_refreshes.find(a_user_id()) is None
    assert await take(unit_of_work, a_user_id(), generation) is None


@pytest.mark.case(81)
async def test_of_many_who_ask_at_once_one_gets_the_lease(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    user_id = (await a_link(unit_of_work)).user_id
    generation = (await found(unit_of_work, user_id)).state.generation
    leases: list[RefreshLease | None] = []

    async def ask() -> None:
        leases.append(await take(unit_of_work, user_id, generation))

    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(ask)

    assert [lease for lease in leases if lease is not None] == [
        RefreshLease(user_id=user_id, generation=generation, fence=1, until=UNTIL)
    ]
    state = (await found(unit_of_work, user_id)).state
    assert state.fence == 1
    assert state.lease_until is not None


async def test_a_lease_that_lapsed_is_given_to_the_next_with_a_higher_fence(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    user_id = (await a_link(unit_of_work)).user_id
    late = await a_lease(unit_of_work, user_id, lasts=timedelta())

    next_ = await a_lease(unit_of_work, user_id)
    assert await take(unit_of_work, user_id) is None

    assert next_.fence > late.fence
    assert not await renew(unit_of_work, late, some_sealed_tokens(user_id))
    assert not await put_off(unit_of_work, late)
    assert not await require_sign_in(unit_of_work, late)
    assert await renew(unit_of_work, next_, some_sealed_tokens(user_id))


@pytest.mark.case(81)
async def test_a_refresh_stores_the_next_generation_of_the_same_sign_in(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    user_id = (await a_link(unit_of_work)).user_id
    before = (await found(unit_of_work, user_id)).state
    lease = await a_lease(unit_of_work, user_id)
    newer = some_sealed_tokens(user_id, scope="openid profile", now=UNTIL)

    assert await renew(unit_of_work, lease, newer)

    assert await found(unit_of_work, user_id) == KeptVATokens(
        sealed=newer,
        state=replace(before, generation=replace(before.generation, number=2), fence=1),
    )
    # Once; and nobody gets a lease on what is no more.
    assert not await renew(unit_of_work, lease, some_sealed_tokens(user_id))
    assert await take(unit_of_work, user_id, before.generation) is None
    assert (await found(unit_of_work, user_id)).sealed == newer


@pytest.mark.case(55)
async def test_what_a_refresh_leaves_out_keeps_the_stored_token(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    tokens = await a_link(unit_of_work)
    lease = await a_lease(unit_of_work, tokens.user_id)
    newer = replace(some_sealed_tokens(tokens.user_id, refresh=False), id_token=None)

    assert await renew(unit_of_work, lease, newer)

    assert (await found(unit_of_work, tokens.user_id)).sealed == replace(
        newer, refresh_token=tokens.refresh_token, id_token=tokens.id_token
    )


@pytest.mark.case(49)
async def test_what_was_put_off_is_not_to_be_had_before(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    user_id = (await a_link(unit_of_work)).user_id
    lease = await a_lease(unit_of_work, user_id)

    assert await put_off(unit_of_work, lease, UNTIL + MOMENT)

    state = (await found(unit_of_work, user_id)).state
    assert (state.retry_at, state.attempts, state.lease_until) == (UNTIL + MOMENT, 1, None)
    assert await take(unit_of_work, user_id, now=UNTIL) is None
    again = await a_lease(unit_of_work, user_id, now=UNTIL + MOMENT)
    assert await put_off(unit_of_work, again)
    assert (await found(unit_of_work, user_id)).state.attempts == 2


async def test_a_refresh_that_succeeds_forgets_the_failures_before(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    user_id = (await a_link(unit_of_work)).user_id
    await put_off(unit_of_work, await a_lease(unit_of_work, user_id), NOW)
    await renew(unit_of_work, await a_lease(unit_of_work, user_id), some_sealed_tokens(user_id))

    state = (await found(unit_of_work, user_id)).state
    assert (state.retry_at, state.attempts) == (None, 0)


@pytest.mark.case(56)
async def test_a_generation_that_is_still_due_is_leased_to_nobody_before(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    user_id = (await a_link(unit_of_work)).user_id
    lease, newer = await a_lease(unit_of_work, user_id), some_sealed_tokens(user_id)
    assert await committed(
        unit_of_work,
        lambda work: work.va_token_refreshes.renew(lease, newer, now=NOW, retry_at=UNTIL),
    )

    kept = await found(unit_of_work, user_id)
    assert kept.sealed == newer
    assert (kept.state.generation.number, kept.state.attempts) == (2, 1)
    assert (kept.state.retry_at, kept.state.lease_until) == (UNTIL, None)
    assert await take(unit_of_work, user_id, now=UNTIL - MOMENT) is None
    again = await a_lease(unit_of_work, user_id, now=UNTIL)
    await renew(unit_of_work, again, some_sealed_tokens(user_id))
    assert (await found(unit_of_work, user_id)).state.attempts == 0


@pytest.mark.case(47)
async def test_what_needs_a_sign_in_is_leased_to_nobody_until_there_is_one(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    user_id = (await a_link(unit_of_work)).user_id
    lease = await a_lease(unit_of_work, user_id)

    assert await require_sign_in(unit_of_work, lease)

    state = (await found(unit_of_work, user_id)).state
    assert (state.needs_sign_in_at, state.lease_until) == (NOW, None)
    assert await take(unit_of_work, user_id, now=UNTIL) is None
    assert not await renew(unit_of_work, lease, some_sealed_tokens(user_id))
    await sign_in(unit_of_work, some_sealed_tokens(user_id))
    assert await take(unit_of_work, user_id) is not None


@pytest.mark.case(84)
@pytest.mark.parametrize("failure", [None, put_off, require_sign_in])
async def test_a_sign_in_ends_every_lease_and_all_that_was_noted(
    unit_of_work: UnitOfWorkFactory, failure: Callable[..., Awaitable[bool]] | None
) -> None:
    user_id = (await a_link(unit_of_work)).user_id
    lease = await a_lease(unit_of_work, user_id)
    if failure is not None:
        await failure(unit_of_work, lease)
    account, tokens = an_account(), some_sealed_tokens(user_id)
    await sign_in(unit_of_work, tokens, account)

    for write in (put_off, require_sign_in):
        assert not await write(unit_of_work, lease)
    assert not await renew(unit_of_work, lease, some_sealed_tokens(user_id))
    kept = await found(unit_of_work, user_id)
    assert kept.sealed == tokens
    assert kept.state.generation.number == 2
    assert kept.state.generation.sign_in != lease.generation.sign_in
    assert kept.state == RefreshState(
        generation=kept.state.generation, account=account, fence=lease.fence
    )


@pytest.mark.case(84)
async def test_a_lease_from_before_an_unlink_is_worth_nothing_after_a_new_link(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    user_id = (await a_link(unit_of_work)).user_id
    lease = await a_lease(unit_of_work, user_id)
    async with unit_of_work() as work:
        await work.va_tokens.destroy(user_id)
        await work.commit()
    assert not await renew(unit_of_work, lease, some_sealed_tokens(user_id))
    async with unit_of_work() as work:
        assert await work.va_token_refreshes.find(user_id) is None
    tokens = some_sealed_tokens(user_id)
    await sign_in(unit_of_work, tokens)
    # The counts are those of the old lease again.
    again = await a_lease(unit_of_work, user_id)
    assert (again.generation.number, again.fence) == (lease.generation.number, lease.fence)

    assert not await renew(unit_of_work, lease, some_sealed_tokens(user_id))
    assert (await found(unit_of_work, user_id)).sealed == tokens


@pytest.mark.case(99)
async def test_tokens_sealed_anew_are_the_same_generation_under_the_same_lease(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    tokens = await a_link(unit_of_work)
    lease = await a_lease(unit_of_work, tokens.user_id)
    before = await found(unit_of_work, tokens.user_id)
    other = some_sealed_tokens(tokens.user_id, scope="none of it", now=UNTIL)
    async with unit_of_work() as work:
        await work.va_tokens.reseal(other)
        await work.va_tokens.reseal(some_sealed_tokens(a_user_id()))
        await work.commit()

    resealed = replace(
        tokens,
        access_token=other.access_token,
        refresh_token=other.refresh_token,
        id_token=other.id_token,
    )
    assert await found(unit_of_work, tokens.user_id) == replace(before, sealed=resealed)
    assert await renew(unit_of_work, lease, some_sealed_tokens(tokens.user_id))


async def test_leases_of_different_users_have_nothing_to_do_with_each_other(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    one, other = [(await a_link(unit_of_work)).user_id for _ in range(2)]
    before = await found(unit_of_work, other)
    await require_sign_in(unit_of_work, await a_lease(unit_of_work, one))

    assert await found(unit_of_work, other) == before
    assert await take(unit_of_work, other) is not None
