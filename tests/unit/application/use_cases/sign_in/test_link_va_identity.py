"""One Veteran, one user; VA's tokens, sealed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.memory.store import MemoryTables
from application.errors import ProviderUnavailableError
from application.ports.token_cipher import SealBrokenError
from application.sign_in_errors import (
    IdentityConflictError,
    SignInFailedError,
)
from domain.audit_event import AuditEventType
from domain.identifiers import ICN
from domain.sign_in_failure import SignInFailure
from domain.va_identity import VAIdentity
from domain.veteran_status import VeteranStatus
from tests.support.builders import a_subject, a_visitor, an_icn, an_identity, some_tokens
from tests.support.service import MemoryService


async def assert_rejected(
    service: MemoryService, identity: VAIdentity, failure: SignInFailure, reason: str
) -> None:
    before = service.store.committed.copy()
    with pytest.raises(SignInFailedError) as rejected:
        await service.link(identity)

    assert (rejected.value.failure, rejected.value.reason) == (failure, reason)
    assert service.store.committed == before


async def test_the_first_time_a_user_is_made_and_that_is_audited(service: MemoryService) -> None:
    identity, visitor = an_identity(), a_visitor()
    user = await service.link(identity, visitor=visitor)

    assert service.store.committed.users == {user.id: user}
    assert user.icn == identity.icn
    (event,) = service.audit
    assert (event.type, event.user_id, event.visitor) == (
        AuditEventType.VA_LINKED,
        user.id,
        visitor.as_recorded(),
    )


async def test_the_next_time_the_user_is_found_and_what_has_changed_is_audited(
    service: MemoryService,
) -> None:
    identity = an_identity()
    first = await service.link(identity)
    service.clock.advance(timedelta(hours=1))
    second = await service.link(replace(identity, status=VeteranStatus.NOT_CONFIRMED))

    assert second == replace(
        first, status=VeteranStatus.NOT_CONFIRMED, last_login_at=service.clock.now()
    )
    changed = service.audit[-1]
    assert (changed.type, changed.user_id) == (AuditEventType.ATTRIBUTES_CHANGED, first.id)
    assert changed.data == {"attributes": "status"}
    await service.link(replace(identity, status=VeteranStatus.NOT_CONFIRMED))
    assert len(service.audit) == 2
    await service.link(replace(identity, email="new@veterans.example"))
    assert service.audit[-1].data == {"attributes": "status email"}


async def test_other_accounts_of_the_same_person_lead_to_the_same_user(
    service: MemoryService,
) -> None:
    icn = an_icn()
    users = [await service.link(an_identity(icn)) for _ in range(3)]

    assert len({user.id for user in users}) == 1
    assert len(service.store.committed.aliases) == 3


async def test_each_token_is_sealed_for_its_user_and_its_column(service: MemoryService) -> None:
    tokens = some_tokens()
    user = await service.link(an_identity(), tokens)

    assert await service.stored_tokens(user.id) == tokens
    sealed = service.store.committed.va_tokens[user.id]
    shifted = replace(sealed, refresh_token=sealed.access_token)
    wrapped = service.store.committed.data_keys[user.id]
    key = await service.container.key_wrapper().unwrap(wrapped)
    with pytest.raises(SealBrokenError):
        service.container.token_sealing().open(shifted, key)


async def test_tokens_of_a_later_sign_in_replace_the_stored_ones(service: MemoryService) -> None:
    identity = an_identity()
    user = await service.link(identity)
    first = service.store.committed.va_tokens[user.id]
    newer = replace(
        some_tokens(now=service.clock.now() + timedelta(hours=2)), scope="openid profile"
    )
    await service.link(identity, newer)
    second = service.store.committed.va_tokens[user.id]

    assert (second.scope, second.expires_at) == (newer.scope, newer.expires_at)
    assert second.access_token != first.access_token
    assert second.refresh_token != first.refresh_token


@pytest.mark.case(55)
async def test_a_refresh_token_that_is_left_out_keeps_the_stored_one(
    service: MemoryService,
) -> None:
    identity = an_identity()
    user = await service.link(identity)
    first = service.store.committed.va_tokens[user.id]
    await service.link(identity, some_tokens(refresh=False))

    assert service.store.committed.va_tokens[user.id].refresh_token == first.refresh_token


@pytest.mark.case(45)
async def test_a_person_without_an_icn_is_not_linked(service: MemoryService) -> None:
    identity = replace(an_identity(), icn=None)
    await assert_rejected(service, identity, SignInFailure.IDENTITY_MISSING, "no_icn")

    # Not even somebody who is known: an answer in full that names nobody is an answer.
    await service.link(replace(identity, icn=an_icn()))
    await assert_rejected(service, identity, SignInFailure.IDENTITY_MISSING, "no_icn")


async def test_the_account_of_another_person_is_not_linked(service: MemoryService) -> None:
    subject = a_subject()
    await service.link(an_identity(subject=subject))
    conflict, reason = SignInFailure.IDENTITY_CONFLICT, "subject_of_another_user"

    # Neither to somebody new nor to somebody who is known.
    await assert_rejected(service, an_identity(subject=subject), conflict, reason)
    known = await service.link(an_identity())
    await assert_rejected(service, an_identity(known.icn, subject=subject), conflict, reason)


@pytest.mark.parametrize("is_complete", [True, False])
@pytest.mark.parametrize("is_known", [True, False])
async def test_a_conflict_names_the_account_its_user_and_the_user_of_the_icn(
    service: MemoryService, *, is_complete: bool, is_known: bool
) -> None:
    identity = an_identity()
    user = await service.link(identity)
    icn = (await service.link(an_identity())).icn if is_known else an_icn()
    conflicting = replace(identity, icn=icn, is_complete=is_complete)
    with pytest.raises(IdentityConflictError) as rejected:
        await service.link(conflicting)

    pseudonym = service.container.pseudonyms().of_account(identity.account)
    assert icn is not None
    holder = service.store.committed.user_of(icn)
    known = {} if holder is None else {"icn_user": str(holder.id)}
    assert rejected.value.user_id == user.id
    assert rejected.value.details == {"account": pseudonym} | known


@pytest.mark.case(79)
@pytest.mark.parametrize("is_complete", [True, False])
async def test_a_disabled_user_is_not_linked_and_stays_as_it_was(
    service: MemoryService,
    is_complete: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    identity = an_identity()
    user = await service.link(identity)
    service.store.committed.users[user.id] = replace(user, is_active=False)
    news = replace(identity, email="new@veterans.example", is_complete=is_complete)

    disabled = SignInFailure.ACCOUNT_DISABLED
    await assert_rejected(service, news, disabled, "account_disabled")


@pytest.mark.parametrize("names_the_icn", [True, False])
async def test_while_va_cannot_be_heard_in_full_a_known_account_is_enough(
    service: MemoryService,
    names_the_icn: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    identity = an_identity()
    user = await service.link(identity)
    service.clock.advance(timedelta(hours=1))
    icn = identity.icn if names_the_icn else None
    half = replace(identity, icn=icn, status=None, given_name=None, is_complete=False)

    assert await service.link(half) == replace(user, last_login_at=service.clock.now())


@pytest.mark.parametrize("icn", [None, an_icn()], ids=["without_icn", "with_icn"])
async def test_while_va_cannot_be_heard_in_full_nobody_new_is_linked(
    service: MemoryService, icn: ICN | None
) -> None:
    half = replace(an_identity(), icn=icn, is_complete=False)
    with pytest.raises(ProviderUnavailableError):
        await service.link(half)

    assert service.store.committed == MemoryTables()


async def test_while_va_cannot_be_heard_in_full_an_icn_of_somebody_else_is_a_conflict(
    service: MemoryService,
) -> None:
    identity = an_identity()
    await service.link(identity)
    half = replace(identity, icn=an_icn(), is_complete=False)

    conflict = SignInFailure.IDENTITY_CONFLICT
    await assert_rejected(service, half, conflict, "icn_of_another_user")


async def test_two_issuers_with_the_same_subject_are_two_accounts(service: MemoryService) -> None:
    subject = a_subject()
    one = await service.link(an_identity(subject=subject))
    other = await service.link(an_identity(subject=subject, issuer="https://other.example"))

    assert one.id != other.id
