"""What every UserRepository promises, run against each adapter."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from application.errors import ConflictError
from application.ports.unit_of_work import UnitOfWorkFactory
from domain.identifiers import UserId
from domain.user import LinkedUser, User
from domain.va_identity import VAIdentity
from domain.veteran_status import VeteranStatus
from tests.support.builders import NOW, a_subject, a_user_id, an_icn, an_identity
from tests.support.storage import a_stored_user, link
from tests.support.waiting import onlookers

LATER = NOW + timedelta(days=1)


async def find_alias(unit_of_work: UnitOfWorkFactory, identity: VAIdentity) -> LinkedUser | None:
    async with unit_of_work() as work:
        linked = await work.users.link_alias(identity, now=LATER)
        await work.commit()
    return linked


async def reread(unit_of_work: UnitOfWorkFactory, user_id: UserId) -> User | None:
    async with unit_of_work() as work:
        return await work.users.lock(user_id)


async def test_an_unknown_icn_makes_an_active_user_of_what_va_said(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    icn, new_id = an_icn(), a_user_id()
    identity = an_identity(icn)
    async with unit_of_work() as work:
        linked = await work.users.link(identity, icn, new_id=new_id, now=NOW)
        await work.commit()

    expected = User(
        id=new_id,
        icn=icn,
        status=VeteranStatus.CONFIRMED,
        given_name=identity.given_name,
        family_name=identity.family_name,
        email=identity.email,
        is_active=True,
        last_login_at=NOW,
    )
    assert linked == LinkedUser(user=expected, alias_owner=new_id, is_new=True, data_key=None)
    assert not linked.is_conflicting
    assert await reread(unit_of_work, new_id) == expected


async def test_a_known_icn_finds_its_user_and_brings_it_up_to_date(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    icn = an_icn()
    first = await a_stored_user(unit_of_work, an_identity(icn))
    news = an_identity(
        icn,
        status=VeteranStatus.NOT_CONFIRMED,
        given_name="Tam",
        family_name="Ellis-Moore",
        email="tam@veterans.example",
    )
    async with unit_of_work() as work:
        linked = await work.users.link(news, icn, new_id=a_user_id(), now=LATER)
        await work.commit()

    assert not linked.is_new
    assert linked.user == User(
        id=first.id,
        icn=icn,
        status=VeteranStatus.NOT_CONFIRMED,
        given_name="Tam",
        family_name="Ellis-Moore",
        email="tam@veterans.example",
        is_active=True,
        last_login_at=LATER,
    )
    assert await reread(unit_of_work, first.id) == linked.user


async def test_what_va_leaves_out_keeps_its_stored_value(unit_of_work: UnitOfWorkFactory) -> None:
    icn = an_icn()
    first = await a_stored_user(unit_of_work, an_identity(icn))
    silent = an_identity(icn, status=None, given_name=None, family_name=None, email=None)
    again = await a_stored_user(unit_of_work, silent, now=LATER)

    assert (again.status, again.given_name) == (first.status, first.given_name)
    assert (again.family_name, again.email) == (first.family_name, first.email)
    assert again.last_login_at == LATER


async def test_a_new_user_of_whom_va_said_nothing_more_is_of_unknown_status(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    silent = an_identity(status=None, given_name=None, family_name=None, email=None)
    user = await a_stored_user(unit_of_work, silent)

    assert user.status is VeteranStatus.UNKNOWN
    assert (user.given_name, user.family_name, user.email) == (None, None, None)


async def test_the_account_at_va_is_remembered_as_an_alias(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    identity = an_identity()
    user = await a_stored_user(unit_of_work, identity)
    news = an_identity(subject=identity.subject, email="new@veterans.example", given_name=None)
    linked = await find_alias(unit_of_work, news)

    assert linked is not None
    assert (linked.user.id, linked.alias_owner) == (user.id, user.id)
    assert not linked.is_new
    # Found by the account alone: the identity's own ICN, another one here, is not looked at.
    assert linked.user.icn == user.icn
    assert linked.user.email == "new@veterans.example"
    assert linked.user.given_name == user.given_name
    assert linked.user.last_login_at == LATER
    assert await reread(unit_of_work, user.id) == linked.user


async def test_an_unknown_account_is_no_alias(unit_of_work: UnitOfWorkFactory) -> None:
    assert await find_alias(unit_of_work, an_identity()) is None


async def test_the_same_subject_at_another_issuer_is_another_account(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    identity = an_identity()
    user = await a_stored_user(unit_of_work, identity)
    elsewhere = an_identity(subject=identity.subject, issuer="https://other.example/oauth2")

    assert await find_alias(unit_of_work, elsewhere) is None
    assert (await a_stored_user(unit_of_work, elsewhere)).id != user.id


async def test_a_subject_is_never_taken_for_an_icn(unit_of_work: UnitOfWorkFactory) -> None:
    icn = an_icn()
    user = await a_stored_user(unit_of_work, an_identity(icn))

    assert await find_alias(unit_of_work, an_identity(subject=icn.value)) is None
    someone = await a_stored_user(unit_of_work, an_identity(subject=icn.value))
    assert someone.id != user.id


async def test_one_person_can_have_several_accounts(unit_of_work: UnitOfWorkFactory) -> None:
    icn = an_icn()
    one, other = an_identity(icn), an_identity(icn)
    first, second = [await a_stored_user(unit_of_work, identity) for identity in (one, other)]

    assert first.id == second.id
    for identity in (one, other):
        linked = await find_alias(unit_of_work, identity)
        assert linked is not None
        assert linked.user.id == first.id


async def test_an_account_of_somebody_else_shows_its_owner_and_stays_the_owners(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    subject = a_subject()
    owner = await a_stored_user(unit_of_work, an_identity(subject=subject))
    other = await a_stored_user(unit_of_work)
    assert other.icn is not None
    async with unit_of_work() as work:
        linked = await link(work, an_identity(other.icn, subject=subject))
        await work.commit()

    assert (linked.user.id, linked.alias_owner) == (other.id, owner.id)
    assert linked.is_conflicting
    found = await find_alias(unit_of_work, an_identity(subject=subject))
    assert found is not None
    assert found.user.id == owner.id


async def test_an_account_that_was_not_committed_is_not_remembered(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    identity = an_identity()
    async with unit_of_work() as work:
        linked = await link(work, identity)

    assert await find_alias(unit_of_work, identity) is None
    assert await reread(unit_of_work, linked.user.id) is None


async def test_a_unit_sees_the_user_it_has_just_made(unit_of_work: UnitOfWorkFactory) -> None:
    identity = an_identity()
    async with unit_of_work() as work:
        linked = await link(work, identity)

        assert await work.users.lock(linked.user.id) == linked.user
        assert await work.users.link_alias(identity, now=NOW) == LinkedUser(
            user=linked.user, alias_owner=linked.user.id, is_new=False, data_key=None
        )


@pytest.mark.parametrize("by_alias", [False, True])
async def test_what_a_sign_in_changes_is_named_and_what_it_leaves_is_not(
    unit_of_work: UnitOfWorkFactory,
    by_alias: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    identity = an_identity()
    await a_stored_user(unit_of_work, identity)

    async def changed_by(**said: Any) -> tuple[str, ...]:
        told = replace(identity, **said)
        async with unit_of_work() as work:
            linked = await (
                work.users.link_alias(told, now=LATER) if by_alias else link(work, told)
            )
            await work.commit()
        assert linked is not None
        return linked.changed

    assert await changed_by() == ()
    assert await changed_by(email="new@example.org") == ("email",)
    assert await changed_by(email="new@example.org") == ()
    assert await changed_by(email=None, given_name=None, family_name=None, status=None) == ()
    assert await changed_by(
        status=VeteranStatus.NOT_CONFIRMED, given_name="A", family_name="B", email="c@example.org"
    ) == ("status", "given_name", "family_name", "email")


async def test_a_user_is_found_without_being_held(unit_of_work: UnitOfWorkFactory) -> None:
    user = await a_stored_user(unit_of_work)
    async with unit_of_work() as work:
        assert await work.users.find(user.id) == user
        assert await work.users.find(a_user_id()) is None


@pytest.mark.parametrize("is_active", [False, True])
async def test_a_user_can_be_shut_out_and_let_in_again(
    unit_of_work: UnitOfWorkFactory,
    is_active: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    identity = an_identity()
    user = await a_stored_user(unit_of_work, identity)
    other = await a_stored_user(unit_of_work)
    async with unit_of_work() as work:
        for state in (not is_active, is_active):
            await work.users.set_active(user.id, is_active=state, now=LATER)
        await work.commit()

    expected = replace(user, is_active=is_active)
    assert await reread(unit_of_work, user.id) == expected
    assert await reread(unit_of_work, other.id) == other
    # Signing in says so and changes nothing about it.
    assert (await a_stored_user(unit_of_work, identity)).is_active is is_active
    found = await find_alias(unit_of_work, identity)
    assert found is not None
    assert found.user.is_active is is_active


async def test_nobody_can_be_held_who_is_not_there(unit_of_work: UnitOfWorkFactory) -> None:
    assert await reread(unit_of_work, a_user_id()) is None


async def test_whoever_holds_a_user_makes_others_wait_to_hold_it(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    user = await a_stored_user(unit_of_work)
    seen: list[User | None] = []

    async def hold() -> None:
        seen.append(await reread(unit_of_work, user.id))

    async with onlookers() as others, unit_of_work() as work:
        await work.users.lock(user.id)
        await others.must_wait(hold)
        changed = await link(work, an_identity(user.icn, email="new@veterans.example"), now=LATER)
        await work.commit()
    assert seen == [changed.user]


@pytest.mark.parametrize("by", ["icn", "alias"])
async def test_linking_holds_the_user_as_well(unit_of_work: UnitOfWorkFactory, by: str) -> None:
    identity = an_identity()
    user = await a_stored_user(unit_of_work, identity)
    seen: list[User | None] = []

    async def hold() -> None:
        seen.append(await reread(unit_of_work, user.id))

    async with onlookers() as others, unit_of_work() as work:
        if by == "icn":
            await link(work, identity, now=LATER)
        else:
            await work.users.link_alias(identity, now=LATER)
        await others.must_wait(hold)
        await work.commit()
    assert [found and found.last_login_at for found in seen] == [LATER]


async def test_two_first_sign_ins_of_one_person_make_one_user(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    icn = an_icn()
    seen: list[LinkedUser] = []

    async def sign_in_too() -> None:
        async with unit_of_work() as work:
            seen.append(await link(work, an_identity(icn), now=LATER))
            await work.commit()

    async with onlookers() as others, unit_of_work() as work:
        first = await link(work, an_identity(icn))
        await others.must_wait(sign_in_too)
        await work.commit()
    (second,) = seen
    assert first.is_new
    assert not second.is_new
    assert second.user.id == first.user.id


async def test_a_first_sign_in_that_is_given_up_leaves_the_user_to_the_next(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    icn = an_icn()
    seen: list[LinkedUser] = []

    async def sign_in_too() -> None:
        async with unit_of_work() as work:
            seen.append(await link(work, an_identity(icn)))
            await work.commit()

    async with onlookers() as others, unit_of_work() as work:
        first = await link(work, an_identity(icn))
        await others.must_wait(sign_in_too)
    (second,) = seen
    assert second.is_new
    assert second.user.id != first.user.id


async def test_aliases_that_are_forgotten_lead_nowhere_and_the_user_stays(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    icn = an_icn()
    identities = [an_identity(icn) for _ in range(2)]
    others = an_identity()
    for identity in (*identities, others):
        user = await a_stored_user(unit_of_work, identity)
    owner = await a_stored_user(unit_of_work, identities[0])
    async with unit_of_work() as work:
        await work.users.forget_aliases(owner.id)
        await work.commit()

    async with unit_of_work() as work:
        for identity in identities:
            assert await work.users.link_alias(identity, now=NOW) is None
        kept = await work.users.link_alias(others, now=NOW)
        assert kept is not None
        assert kept.user.id == user.id
    # The ICN still finds the account.
    assert (await a_stored_user(unit_of_work, identities[1])).id == owner.id


async def test_an_icn_leads_to_its_user(unit_of_work: UnitOfWorkFactory) -> None:
    user = await a_stored_user(unit_of_work)
    assert user.icn is not None
    async with unit_of_work() as work:
        assert await work.users.find_by_icn(user.icn) == user.id
        assert await work.users.find_by_icn(an_icn()) is None


async def test_several_users_are_locked_in_the_order_of_their_ids(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    users = [await a_stored_user(unit_of_work) for _ in range(5)]
    async with unit_of_work() as work:
        locked = await work.users.lock_all([*(user.id for user in users), a_user_id()])
    assert locked == sorted(users, key=lambda user: user.id)


async def test_whoever_locks_several_makes_others_wait_for_each(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    users = [(await a_stored_user(unit_of_work)).id for _ in range(2)]
    seen: list[User | None] = []

    async def hold(user_id: UserId) -> None:
        seen.append(await reread(unit_of_work, user_id))

    async with onlookers() as others, unit_of_work() as work:
        await work.users.lock_all(users)
        for user_id in users:
            await others.must_wait(partial(hold, user_id))
        await work.users.change_icn(users[0], None, now=LATER)
        await work.commit()
    assert {user.id: user.icn is None for user in seen if user} == {
        users[0]: True,
        users[1]: False,
    }


async def test_a_user_gets_another_icn_and_keeps_everything_else(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    user, icn = await a_stored_user(unit_of_work), an_icn()
    async with unit_of_work() as work:
        await work.users.lock_all([user.id])
        await work.users.change_icn(user.id, icn, now=LATER)
        await work.commit()

    assert await reread(unit_of_work, user.id) == replace(user, icn=icn)
    found = await a_stored_user(unit_of_work, an_identity(icn))
    assert found.id == user.id
    # The old one is nobody's.
    assert (await a_stored_user(unit_of_work, an_identity(user.icn))).id != user.id


async def test_an_icn_of_another_user_is_refused(unit_of_work: UnitOfWorkFactory) -> None:
    one, other = [await a_stored_user(unit_of_work) for _ in range(2)]
    async with unit_of_work() as work:
        with pytest.raises(ConflictError):
            await work.users.change_icn(one.id, other.icn, now=LATER)
    assert await reread(unit_of_work, one.id) == one


async def test_several_users_may_have_no_icn(unit_of_work: UnitOfWorkFactory) -> None:
    users = [await a_stored_user(unit_of_work) for _ in range(2)]
    async with unit_of_work() as work:
        for user in users:
            await work.users.change_icn(user.id, None, now=LATER)
        await work.commit()
    for user in users:
        assert await reread(unit_of_work, user.id) == replace(user, icn=None)


async def test_the_accounts_of_a_merged_user_are_the_other_ones(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    one_account, other_account = an_identity(), an_identity()
    one = await a_stored_user(unit_of_work, one_account)
    other = await a_stored_user(unit_of_work, other_account)
    async with unit_of_work() as work:
        await work.users.merge(one.id, into=other.id, now=LATER)
        await work.commit()

    assert await reread(unit_of_work, one.id) == replace(one, merged_into=other.id)
    for account in (one_account, other_account):
        linked = await find_alias(unit_of_work, account)
        assert linked is not None
        assert linked.user.id == other.id


async def test_users_who_were_merged_before_go_along(unit_of_work: UnitOfWorkFactory) -> None:
    first, second, third = [(await a_stored_user(unit_of_work)).id for _ in range(3)]
    for user_id, into in ((first, second), (second, third)):
        async with unit_of_work() as work:
            await work.users.merge(user_id, into=into, now=LATER)
            await work.commit()

    for user_id in (first, second):
        merged = await reread(unit_of_work, user_id)
        assert merged is not None
        assert merged.merged_into == third
    kept = await reread(unit_of_work, third)
    assert kept is not None
    assert kept.merged_into is None
