"""A Veteran takes the link to VA back."""

import secrets
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest

from adapters.memory.audit_trail import MemoryAuditTrail
from adapters.memory.store import MemoryStore
from application.errors import FreshSignInNeededError, UnauthenticatedError, UnavailableError
from application.use_cases.va_access.unlink_va_identity import UnlinkVAIdentityCommand
from domain.audit_event import AuditEventType
from domain.revocation import Revocation, RevokedBy
from domain.session_grant import SessionGrant
from domain.va_tokens import TokenField
from tests.support.builders import a_provider_sign_in, a_visitor, an_identity, some_tokens
from tests.support.early_tokens import with_early_tokens
from tests.support.outages import down_storage
from tests.support.product import captured_log
from tests.support.service import MemoryService, Service, a_memory_service, a_service_with
from tests.support.storage import memory_storage, standing_of

FRESH_FOR = timedelta(minutes=10)
SECOND = timedelta(seconds=1)


async def unlink(service: Service, grant: SessionGrant, **changes: Any) -> None:
    command = UnlinkVAIdentityCommand(session=standing_of(grant.session), visitor=a_visitor())
    await service.container.unlink_va_identity().execute(replace(command, **changes))


async def test_key_tokens_and_aliases_go_and_the_user_stays(service: MemoryService) -> None:
    grant = (await service.sign_in()).grant
    stranger = (await service.sign_in()).grant.session.user_id
    before = service.store.committed.users
    await unlink(service, grant)

    after = service.store.committed
    assert after.users == before
    assert set(after.data_keys) == set(after.va_tokens) == {stranger}
    assert set(after.aliases.values()) == {stranger}


async def test_every_session_ends_by_unlink_and_nobody_elses(service: MemoryService) -> None:
    identity = an_identity()
    grants = [(await service.sign_in(identity)).grant for _ in range(3)]
    stranger = (await service.sign_in()).grant
    await unlink(service, grants[1])

    for grant in grants:
        with pytest.raises(UnauthenticatedError):
            await service.validate(grant.token)
        ended = service.store.committed.sessions[grant.session.id]
        assert ended.revocation == Revocation(
            at=service.clock.now(), by=RevokedBy.UNLINK, reason="va_unlinked"
        )
    await service.validate(stranger.token)


async def test_it_is_audited_with_who_asked(service: MemoryService) -> None:
    grant = (await service.sign_in()).grant
    visitor = a_visitor()
    await unlink(service, grant, visitor=visitor)

    event = service.audit[-1]
    assert (event.type, event.user_id, event.visitor, dict(event.data)) == (
        AuditEventType.VA_UNLINKED,
        grant.session.user_id,
        visitor.as_recorded(),
        {"sessions": 1},
    )


async def test_the_tokens_of_every_sign_in_are_revoked(service: MemoryService) -> None:
    identity, tokens = an_identity(), [some_tokens() for _ in range(3)]
    for each in tokens:
        grant = (await service.sign_in(a_provider_sign_in(identity, each))).grant
    await service.sign_in()
    await unlink(service, grant)

    await service.container.revoke_at_va().execute()
    assert service.provider.revoked == {each.refresh_token: True for each in tokens}


async def test_tokens_older_than_data_keys_are_revoked_too() -> None:
    store, master_keys, tokens = MemoryStore(), {"k1": secrets.token_bytes(32)}, some_tokens()
    service = a_service_with(memory_storage(store), master_keys)
    grant = (await service.sign_in(a_provider_sign_in(tokens=tokens))).grant
    rows, user_id = store.committed.va_tokens, grant.session.user_id
    rows[user_id] = with_early_tokens(
        rows[user_id], tokens, fields=set(TokenField), master_keys=master_keys
    )
    del store.committed.data_keys[user_id]

    await unlink(service, grant)
    await service.container.revoke_at_va().execute()
    assert service.provider.revoked == {tokens.refresh_token: True}


@pytest.mark.case(92)
@pytest.mark.parametrize("is_key", [True, False])
async def test_tokens_that_cannot_be_revoked_as_they_do_not_open_are_an_alarm(
    service: MemoryService,
    is_key: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    grant = (await service.sign_in()).grant
    user_id, stored = grant.session.user_id, service.store.committed
    if is_key:
        stored.data_keys[user_id] = replace(stored.data_keys[user_id], box=b"altered")
    else:
        stored.va_tokens[user_id] = replace(stored.va_tokens[user_id], refresh_token=b"altered")

    with captured_log() as log:
        await unlink(service, grant)

    assert '"va_tokens_unreadable"' in log.getvalue()
    assert [(event.type, event.user_id, event.data) for event in service.audit[-2:]] == [
        (AuditEventType.VA_TOKENS_REVOKED, user_id, {"outcome": "unreadable", "attempts": 0}),
        (AuditEventType.VA_UNLINKED, user_id, {"sessions": 1}),
    ]
    after = service.store.committed
    assert [after.va_tokens, after.data_keys, after.va_revocations] == [{}, {}, {}]


@pytest.mark.parametrize("refresh", [True, False])
async def test_what_is_to_be_revoked_is_in_the_outbox_under_a_key_of_its_own(
    service: MemoryService,
    refresh: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    tokens = some_tokens(refresh=refresh)
    grant = (await service.sign_in(a_provider_sign_in(tokens=tokens))).grant
    users_key = service.store.committed.data_keys[grant.session.user_id]
    await unlink(service, grant)
    (entry,) = service.store.committed.va_revocations.values()

    assert entry.key != users_key
    assert (entry.created_at, entry.due_at) == (service.clock.now(), service.clock.now())
    await service.container.revoke_at_va().execute()
    # A refresh token takes the access token along; without one there is the access token.
    expected = tokens.refresh_token or tokens.access_token
    assert service.provider.revoked == {expected: refresh}


async def test_va_being_down_does_not_stand_in_the_way(service: MemoryService) -> None:
    grant = (await service.sign_in()).grant
    service.provider.go_down()
    await unlink(service, grant)

    assert service.store.committed.data_keys == {}
    assert len(service.store.committed.va_revocations) == 1


async def test_a_sign_in_is_fresh_until_the_time_is_over(service: MemoryService) -> None:
    grant, visitor = (await service.sign_in()).grant, a_visitor()
    before = service.store.committed.copy()
    service.clock.advance(FRESH_FOR)
    with pytest.raises(FreshSignInNeededError):
        await unlink(service, grant, visitor=visitor)
    service.clock.advance(SECOND)
    with pytest.raises(FreshSignInNeededError):
        await unlink(service, grant, visitor=visitor)

    refused = service.audit[-2:]
    for event in refused:
        assert event.type is AuditEventType.VA_UNLINK_REFUSED
        assert (event.user_id, event.visitor) == (grant.session.user_id, visitor.as_recorded())
        assert event.data == {
            "session_id": str(grant.session.id),
            "reason": "fresh_sign_in_needed",
        }
    before.audit += refused
    assert service.store.committed == before


async def test_a_sign_in_is_fresh_one_second_before(service: MemoryService) -> None:
    grant = (await service.sign_in()).grant
    service.clock.advance(FRESH_FOR - SECOND)
    await unlink(service, grant)

    assert service.store.committed.data_keys == {}


async def test_a_renewal_does_not_make_a_sign_in_fresh(service: MemoryService) -> None:
    grant = (await service.sign_in()).grant
    service.clock.advance(FRESH_FOR)
    standing = replace(standing_of(grant.session), renewed_at=service.clock.now())

    with pytest.raises(FreshSignInNeededError):
        await unlink(service, grant, session=standing)


async def test_the_next_sign_in_finds_the_same_account_and_gives_it_a_new_key(
    service: MemoryService,
) -> None:
    identity = an_identity()
    grant = (await service.sign_in(identity)).grant
    old = service.store.committed.data_keys[grant.session.user_id]
    await unlink(service, grant)
    tokens = some_tokens()
    again = (await service.sign_in(a_provider_sign_in(identity, tokens))).grant

    user_id = again.session.user_id
    assert user_id == grant.session.user_id
    assert service.store.committed.data_keys[user_id] != old
    assert await service.stored_tokens(user_id) == tokens


async def test_unlinking_what_has_no_tokens_leaves_nothing_for_va(service: MemoryService) -> None:
    grant = (await service.sign_in()).grant
    service.store.committed.va_tokens.clear()
    await unlink(service, grant)

    assert service.store.committed.va_revocations == {}


async def test_tokens_that_nobody_can_open_do_not_stand_in_the_way(service: MemoryService) -> None:
    grant = (await service.sign_in()).grant
    user_id = grant.session.user_id
    tokens = service.store.committed.va_tokens
    tokens[user_id] = replace(tokens[user_id], access_token=b"altered")
    await unlink(service, grant)

    assert service.store.committed.va_tokens == {}
    assert service.store.committed.va_revocations == {}


@pytest.mark.case(91)
async def test_without_its_audit_nothing_is_changed(service: MemoryService) -> None:
    grant = (await service.sign_in()).grant
    before = service.store.committed
    with (
        patch.object(MemoryAuditTrail, "append", side_effect=UnavailableError),
        pytest.raises(UnavailableError),
    ):
        await unlink(service, grant)

    assert service.store.committed is before
    await service.validate(grant.token)


async def test_without_a_storage_nothing_is_acknowledged() -> None:
    grant = (await a_memory_service(MemoryStore()).sign_in()).grant

    with pytest.raises(UnavailableError):
        await unlink(a_memory_service(MemoryStore(), down_storage()), grant)
