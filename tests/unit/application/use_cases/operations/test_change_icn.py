"""An operator gives a user the ICN that VA has now, or merges two users who are one person."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from adapters.memory.store import MemoryStore
from application.decision_errors import (
    AccountsDifferError,
    DecisionNeededError,
    ICNOfAnotherUserError,
    MergedAwayError,
    MergeTargetError,
)
from application.errors import (
    ConflictError,
    NotFoundError,
    UnauthenticatedError,
)
from application.sign_in_errors import IdentityConflictError
from application.use_cases.operations.change_icn import ChangeICNCommand, ICNChanged
from domain.audit_event import AuditEventType
from domain.identifiers import ICN, UserId
from domain.revocation import RevokedBy
from domain.user import User
from domain.visitor import Visitor
from tests.support.builders import a_user_id, an_icn, an_identity
from tests.support.outages import failing_once
from tests.support.service import MemoryService, a_memory_service
from tests.support.storage import memory_storage

REASON = "va_merged"


async def change(
    service: MemoryService,
    user_id: UserId,
    icn: ICN | None,
    *,
    merge_into: UserId | None = None,
    is_dry_run: bool = False,
) -> ICNChanged:
    assert icn is not None
    command = ChangeICNCommand(
        user_id=user_id, icn=icn, reason=REASON, merge_into=merge_into, is_dry_run=is_dry_run
    )
    return await service.container.change_icn().execute(command)


def user(service: MemoryService, user_id: UserId) -> User:
    return service.store.committed.users[user_id]


def told(service: MemoryService, since: int) -> list[tuple[Any, ...]]:
    return [(each.type, each.user_id, each.data) for each in service.audit[since:]]


async def test_a_conflict_is_settled_and_the_veteran_signs_in_to_the_same_account(
    service: MemoryService,
) -> None:
    identity = an_identity()
    session = (await service.sign_in(identity)).grant
    changed = replace(identity, icn=an_icn())
    with pytest.raises(IdentityConflictError):
        await service.link(changed)
    before, since = user(service, session.session.user_id), len(service.audit)

    done = await change(service, before.id, changed.icn)

    assert done == ICNChanged(user_id=before.id, is_changed=True)
    assert user(service, before.id) == replace(before, icn=changed.icn)
    assert told(service, since) == [
        (AuditEventType.ICN_CHANGED, before.id, {"reason": REASON}),
    ]
    assert service.audit[-1].visitor == Visitor()
    # Its sessions and tokens are the same person's.
    await service.validate(session.token)
    assert before.id in service.store.committed.va_tokens
    assert (await service.sign_in(changed)).grant.session.user_id == before.id


async def two(service: MemoryService) -> tuple[User, User]:
    """A user, and another one who has the ICN that VA has now; both with a session."""
    one = (await service.sign_in()).grant.session.user_id
    other = (await service.sign_in()).grant.session.user_id
    return user(service, one), user(service, other)


async def test_an_icn_of_another_user_is_refused_and_both_are_shown_on_record(
    service: MemoryService,
) -> None:
    one, other = await two(service)
    tables, since = service.store.committed.copy(), len(service.audit)
    with pytest.raises(ICNOfAnotherUserError) as refused:
        await change(service, one.id, other.icn)

    assert {each.user for each in refused.value.users} == {one, other}
    refusal = {"command": "user_change_icn", "reason": "icn_of_another_user"}
    assert sorted(told(service, since), key=str) == sorted(
        [
            (AuditEventType.COMMAND_REFUSED, one.id, {**refusal, "other": str(other.id)}),
            (AuditEventType.COMMAND_REFUSED, other.id, {**refusal, "other": str(one.id)}),
        ],
        key=str,
    )
    assert replace(service.store.committed, audit=[]) == replace(tables, audit=[])


@pytest.mark.parametrize("keeps_other", [True, False])
async def test_the_user_who_is_named_stays_and_the_other_one_is_merged_into_it(
    service: MemoryService, *, keeps_other: bool
) -> None:
    one, other = await two(service)
    kept, merged = (other, one) if keeps_other else (one, other)
    aliases, since = set(service.store.committed.aliases), len(service.audit)
    sessions = list(service.store.committed.sessions.values())

    done = await change(service, one.id, other.icn, merge_into=kept.id)

    assert done == ICNChanged(user_id=kept.id, is_changed=True, merged=merged.id, sessions=1)
    tables = service.store.committed
    assert user(service, kept.id) == replace(kept, icn=other.icn)
    assert user(service, merged.id) == replace(merged, icn=None, merged_into=kept.id)
    # Both accounts lead to the one who stays.
    assert set(tables.aliases) == aliases
    assert set(tables.aliases.values()) == {kept.id}
    # The other one's sessions and tokens are gone, and VA will be asked to revoke the tokens.
    assert set(tables.va_tokens) == set(tables.data_keys) == {kept.id}
    assert [each.user_id for each in tables.va_revocations.values()] == [merged.id]
    for session in sessions:
        ended = tables.sessions[session.id].revocation
        assert (ended and (ended.by, ended.reason)) == (
            (RevokedBy.OPERATOR, REASON) if session.user_id == merged.id else None
        )
    moved = [(AuditEventType.ICN_CHANGED, kept.id, {"reason": REASON})]
    assert told(service, since) == [
        *([] if keeps_other else moved),
        (
            AuditEventType.USER_MERGED,
            merged.id,
            {"reason": REASON, "into": str(kept.id), "sessions": 1},
        ),
        (AuditEventType.USER_MERGED, kept.id, {"reason": REASON, "merged": str(merged.id)}),
    ]


async def test_whoever_was_merged_signs_in_to_the_user_who_stays(service: MemoryService) -> None:
    one_identity, other_identity = an_identity(), an_identity()
    one = (await service.sign_in(one_identity)).grant
    other = (await service.sign_in(other_identity)).grant
    kept = other.session.user_id
    await change(service, one.session.user_id, other_identity.icn, merge_into=kept)

    with pytest.raises(UnauthenticatedError):
        await service.validate(one.token)
    await service.validate(other.token)
    # VA knows both accounts under one ICN now; with part of VA silent, the account is enough.
    for identity in (
        other_identity,
        replace(one_identity, icn=other_identity.icn),
        replace(one_identity, icn=None, is_complete=False),
    ):
        assert (await service.sign_in(identity)).grant.session.user_id == kept
    # What VA says no more leads to nobody: the account is another user's now.
    with pytest.raises(IdentityConflictError):
        await service.link(one_identity)


async def test_no_icn_is_in_the_trail(service: MemoryService) -> None:
    one, other = await two(service)
    new = an_icn()
    await change(service, other.id, new)
    await change(service, one.id, new, merge_into=one.id)
    for icn in (one.icn, other.icn, new):
        assert icn is not None
        assert icn.value not in str(service.audit)


@pytest.mark.parametrize("how", ["alone", "into the other", "into this one"])
async def test_a_repetition_changes_nothing_and_is_on_record(
    service: MemoryService, how: str
) -> None:
    one, other = await two(service)
    icn = an_icn() if how == "alone" else other.icn
    keep = {"alone": None, "into the other": other.id, "into this one": one.id}[how]
    first = await change(service, one.id, icn, merge_into=keep)
    tables, since = service.store.committed.copy(), len(service.audit)

    second = await change(service, one.id, icn, merge_into=keep)

    assert (first.is_changed, second.is_changed) == (True, False)
    assert first.user_id == second.user_id
    unchanged = {"command": "user_change_icn", "reason": "unchanged"}
    assert told(service, since) == [(AuditEventType.COMMAND_REFUSED, one.id, unchanged)]
    assert replace(service.store.committed, audit=[]) == replace(tables, audit=[])


async def refusal(
    service: MemoryService, kind: type[DecisionNeededError], *arguments: Any, **more: Any
) -> DecisionNeededError:
    """A refusal that changes nothing but the trail."""
    tables, since = service.store.committed.copy(), len(service.audit)
    with pytest.raises(DecisionNeededError) as refused:
        await change(service, *arguments, **more)
    assert type(refused.value) is kind
    assert replace(service.store.committed, audit=[]) == replace(tables, audit=[])
    recorded = service.audit[since:]
    assert {event.type for event in recorded} == {AuditEventType.COMMAND_REFUSED}
    assert {event.data["reason"] for event in recorded} == {kind.code}
    shown = {each.user.id for each in refused.value.users}
    assert {event.user_id for event in recorded} == shown
    for event in recorded:
        assert event.data.get("other", "") == "".join(map(str, shown - {event.user_id}))
    return refused.value


@pytest.mark.parametrize(
    "named",
    [
        lambda one, other, third: (one.id, other.icn, third.id),
        # Nobody else has the ICN, so there is nobody to merge.
        lambda one, other, _third: (one.id, an_icn(), other.id),
        lambda one, _other, _third: (one.id, an_icn(), one.id),
        lambda one, other, _third: (one.id, one.icn, other.id),
    ],
)
async def test_only_one_of_the_two_can_stay(
    service: MemoryService, named: Callable[..., tuple[UserId, ICN, UserId]]
) -> None:
    third = await service.link(an_identity())
    user_id, icn, keep = named(*await two(service), third)
    await refusal(service, MergeTargetError, user_id, icn, merge_into=keep)


@pytest.mark.parametrize("disabled", [0, 1])
@pytest.mark.parametrize("keep", [0, 1])
async def test_a_disabled_user_does_not_get_in_by_another_account(
    service: MemoryService, disabled: int, keep: int
) -> None:
    users = await two(service)
    found = users[disabled]
    service.store.committed.users[found.id] = replace(found, is_active=False)
    one, other = users
    await refusal(service, AccountsDifferError, one.id, other.icn, merge_into=users[keep].id)
    # Where both are disabled, nothing is let in.
    for each in users:
        service.store.committed.users[each.id] = replace(each, is_active=False)
    await change(service, one.id, other.icn, merge_into=users[keep].id)


async def test_a_merged_user_is_not_changed_any_more(service: MemoryService) -> None:
    one, other = await two(service)
    await change(service, one.id, other.icn, merge_into=other.id)
    third = user(service, (await service.sign_in()).grant.session.user_id)
    for icn, keep in (
        (an_icn(), None),
        (other.icn, None),
        (third.icn, third.id),
        (other.icn, one.id),
    ):
        refused = await refusal(service, MergedAwayError, one.id, icn, merge_into=keep)
        assert {each.user.id for each in refused.users} == {one.id, other.id}


async def test_users_can_be_merged_one_after_the_other(service: MemoryService) -> None:
    one, other = await two(service)
    await change(service, one.id, other.icn, merge_into=other.id)
    third = user(service, (await service.sign_in()).grant.session.user_id)
    await change(service, other.id, third.icn, merge_into=third.id)
    assert user(service, one.id).merged_into == user(service, other.id).merged_into == third.id
    assert set(service.store.committed.aliases.values()) == {third.id}


@pytest.mark.parametrize("unknown", ["user", "keep"])
async def test_an_unknown_user_is_refused_on_record(service: MemoryService, unknown: str) -> None:
    one, other = await two(service)
    nobody, since = a_user_id(), len(service.audit)
    user_id, keep = (nobody, None) if unknown == "user" else (one.id, nobody)
    with pytest.raises(NotFoundError):
        await change(service, user_id, other.icn, merge_into=keep, is_dry_run=True)
    assert told(service, since) == []
    with pytest.raises(NotFoundError):
        await change(service, user_id, other.icn, merge_into=keep)
    assert told(service, since) == [
        (
            AuditEventType.COMMAND_REFUSED,
            nobody,
            {"command": "user_change_icn", "reason": "not_found"},
        )
    ]


@pytest.mark.parametrize("merges", [True, False])
async def test_a_dry_run_says_what_would_change_and_does_and_records_nothing(
    service: MemoryService, *, merges: bool
) -> None:
    one, other = await two(service)
    before = service.store.committed.copy()
    icn, keep = (other.icn, other.id) if merges else (an_icn(), None)
    would = await change(service, one.id, icn, merge_into=keep, is_dry_run=True)
    assert service.store.committed == before
    assert await change(service, one.id, icn, merge_into=keep) == would


async def test_whom_a_dry_run_shows_is_on_record_all_the_same(service: MemoryService) -> None:
    one, other = await two(service)
    await refusal(service, ICNOfAnotherUserError, one.id, other.icn, is_dry_run=True)


async def test_a_change_that_meets_another_one_is_tried_once_more() -> None:
    store = MemoryStore()
    one = await a_memory_service(store).link(an_identity())
    icn, met = an_icn(), ConflictError()
    service = a_memory_service(store, failing_once(memory_storage(store), met))
    assert await change(service, one.id, icn) == ICNChanged(user_id=one.id, is_changed=True)

    twice = failing_once(failing_once(memory_storage(store), met), met)
    with pytest.raises(ConflictError):
        await change(a_memory_service(store, twice), one.id, an_icn())
    assert user(service, one.id).icn == icn
