"""Changing ICNs and merging users in PostgreSQL, while people sign in."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

import pytest

from adapters.postgres.pool import build_pool, opened
from application.decision_errors import ICNOfAnotherUserError
from application.sign_in_errors import SignInFailedError
from application.use_cases.operations.change_icn import ChangeICNCommand, ICNChanged
from domain.identifiers import ICN, UserId
from domain.va_identity import VAIdentity
from tests.support.builders import an_icn, an_identity
from tests.support.databases import rows_of
from tests.support.service import Service, a_service
from tests.support.storage import link, postgres_storage
from tests.support.waiting import onlookers

pytestmark = pytest.mark.postgres

_ROUNDS: Final = 15


@pytest.fixture
async def service(database_url: str) -> AsyncIterator[Service]:
    async with opened(build_pool(database_url, max_size=12)) as pool:
        yield a_service(postgres_storage(pool))


async def change(
    service: Service, user_id: UserId, icn: ICN | None, merge_into: UserId | None = None
) -> ICNChanged:
    assert icn is not None
    command = ChangeICNCommand(user_id=user_id, icn=icn, reason="test", merge_into=merge_into)
    return await service.container.change_icn().execute(command)


async def test_a_sign_in_that_makes_a_user_of_the_icn_is_waited_for_and_then_shown(
    service: Service,
) -> None:
    user, icn = await service.link(an_identity()), an_icn()
    refused: list[ICNOfAnotherUserError] = []

    async def change_it() -> None:
        try:
            await change(service, user.id, icn)
        except ICNOfAnotherUserError as error:
            refused.append(error)

    async with onlookers() as others, service.storage.unit_of_work() as work:
        new = await link(work, an_identity(icn))
        await others.must_wait(change_it)
        await work.commit()

    (error,) = refused
    assert {each.user.id for each in error.users} == {user.id, new.user.id}


async def test_a_sign_in_that_is_given_up_leaves_the_icn_to_the_change(service: Service) -> None:
    user, icn = await service.link(an_identity()), an_icn()
    changed: list[ICNChanged] = []

    async def change_it() -> None:
        changed.append(await change(service, user.id, icn))

    async with onlookers() as others, service.storage.unit_of_work() as work:
        await link(work, an_identity(icn))
        await others.must_wait(change_it)
    assert [each.is_changed for each in changed] == [True]


async def test_operators_who_merge_the_same_users_both_ways_never_block_each_other(
    service: Service,
) -> None:
    for _ in range(_ROUNDS):
        one, other = await service.link(an_identity()), await service.link(an_identity())
        ended = await asyncio.gather(
            change(service, one.id, other.icn, other.id),
            change(service, other.id, one.icn, one.id),
            return_exceptions=True,
        )
        # The second one finds that its user was merged, or that the ICN is nobody's any more.
        assert sorted(type(each).__name__ for each in ended if isinstance(each, Exception)) in (
            ["MergedAwayError"],
            ["MergeTargetError"],
        ), ended


async def test_people_sign_in_while_they_are_merged_and_nothing_blocks_or_gets_lost(
    service: Service, database_url: str
) -> None:
    async def sign_in(identity: VAIdentity) -> UserId | None:
        try:
            return (await service.sign_in(identity)).grant.session.user_id
        except SignInFailedError as failed:
            reasons.add(failed.reason)
            return None

    reasons: set[str] = set()
    for _ in range(_ROUNDS):
        one_identity, other_identity = an_identity(), an_identity()
        one, other = await service.link(one_identity), await service.link(other_identity)
        as_merged = replace(one_identity, icn=other.icn)
        by_account = replace(one_identity, icn=None, is_complete=False)
        await asyncio.gather(
            *(sign_in(each) for each in (as_merged, by_account, other_identity, one_identity)),
            change(service, one.id, other.icn, other.id),
        )
        for identity in (as_merged, by_account, other_identity):
            assert await sign_in(identity) == other.id
        (row,) = rows_of(
            database_url, "SELECT va_icn, merged_into FROM vetassist_users WHERE id = %s", one.id
        )
        assert row == {"va_icn": None, "merged_into": other.id}
        # The merged user has no session that stands and no tokens.
        for query in (
            "SELECT FROM vetassist_sessions WHERE user_id = %s AND revoked_at IS NULL",
            "SELECT FROM vetassist_va_tokens WHERE user_id = %s",
            "SELECT FROM vetassist_va_identities WHERE user_id = %s",
        ):
            assert rows_of(database_url, query, one.id) == []
    # A conflict is right while the two are two. That the database gave up never is.
    assert reasons <= {"subject_of_another_user", "provider_unavailable"}
