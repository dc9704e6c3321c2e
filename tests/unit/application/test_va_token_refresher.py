"""The refresh of VA's tokens, with VA in memory: what comes of each thing that VA may say."""

import asyncio
import gc
import json
import secrets
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import anyio
import pytest

from adapters.memory.identity_provider import MemoryIdentityProvider
from adapters.memory.store import MemoryStore
from adapters.memory.unit_of_work import MemoryUnitOfWork
from adapters.memory.va_token_refreshes import MemoryVATokenRefreshes
from application.errors import (
    ApplicationError,
    ClientRejectedByProviderError,
    GrantExpiredError,
    ProviderUnavailableError,
    SessionEndedError,
    UnavailableError,
    UpstreamRejectedError,
    VAScopeNotGrantedError,
    VASignInNeededError,
)
from application.use_cases.sessions.revoke_sessions import RevokeSessionsCommand
from application.use_cases.va_access.unlink_va_identity import UnlinkVAIdentityCommand
from domain.audit_event import AuditEventType
from domain.identifiers import UserId
from domain.secret import Secret
from domain.session_grant import SessionGrant
from domain.va_identity import VAIdentity
from domain.va_token_refresh import LEASE, PATIENCE, REFRESH_DEADLINE, RefreshState
from domain.va_tokens import TokenField, VATokens
from tests.support.builders import (
    a_provider_sign_in,
    a_visitor,
    an_icn,
    an_identity,
    some_tokens,
)
from tests.support.early_tokens import with_early_tokens
from tests.support.product import captured_log
from tests.support.service import MemoryService, Service, a_memory_service, a_service_with
from tests.support.storage import memory_storage, standing_of
from tests.support.va_tokens import a_use, use

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
MIN_VALIDITY = timedelta(seconds=60)


@pytest.fixture
def service() -> MemoryService:
    return a_memory_service(MemoryStore())


@pytest.fixture
def identity() -> VAIdentity:
    return an_identity()


@pytest.fixture
async def grant(service: MemoryService, identity: VAIdentity) -> SessionGrant:
    """A session whose access token has just expired; the session itself goes on."""
    return await an_expired_link(service, identity)


async def an_expired_link(
    service: Service, identity: VAIdentity | None = None, *, refresh: bool = True
) -> SessionGrant:
    now = service.clock.now()
    tokens = some_tokens(now=now - HOUR, refresh=refresh)
    return (await service.sign_in(a_provider_sign_in(identity, tokens))).grant


def another_process(service: MemoryService) -> MemoryService:
    """One that shares the world and the store with ``service``, and nothing else."""
    other = a_memory_service(service.store)
    for name in ("key_wrapper", "cipher", "clock", "identity_provider"):
        getattr(other.container, name).override(getattr(service.container, name)())
    return other


def state_of(service: MemoryService, grant: SessionGrant) -> RefreshState:
    return service.store.committed.va_token_states[grant.session.user_id]


def refusals(service: MemoryService) -> list[str]:
    """Why refreshes were refused, oldest first."""
    return [
        str(event.data["reason"])
        for event in service.audit
        if event.type is AuditEventType.VA_REFRESH_REFUSED
    ]


async def tokens_of(service: Service, user_id: UserId) -> VATokens:
    tokens = await service.stored_tokens(user_id)
    assert tokens is not None
    return tokens


async def fail(
    service: Service, grant: SessionGrant, kind: type[ApplicationError]
) -> ApplicationError:
    with pytest.raises(kind) as raised:
        await use(service.container, a_use(grant))
    assert type(raised.value) is kind
    return raised.value


@pytest.mark.parametrize("left", [timedelta(), SECOND, MIN_VALIDITY - SECOND])
async def test_a_token_that_is_near_its_end_is_refreshed_before_it_is_given(
    service: MemoryService, left: timedelta
) -> None:
    tokens = some_tokens(now=service.clock.now() - HOUR + left)
    grant = (await service.sign_in(a_provider_sign_in(tokens=tokens))).grant

    given = await use(service.container, a_use(grant))

    stored = await tokens_of(service, grant.session.user_id)
    assert given.access_token == stored.access_token != tokens.access_token
    assert given.expires_at == stored.expires_at == service.clock.now() + HOUR
    assert service.provider.refreshes == 1
    assert state_of(service, grant).generation.number == 2


async def test_a_token_that_lasts_long_enough_is_not_refreshed(service: MemoryService) -> None:
    tokens = some_tokens(now=service.clock.now() - HOUR + MIN_VALIDITY)
    grant = (await service.sign_in(a_provider_sign_in(tokens=tokens))).grant

    assert (await use(service.container, a_use(grant))).access_token == tokens.access_token
    assert service.provider.refreshes == 0


async def test_a_refresh_is_on_record_before_the_use_that_it_was_for(
    service: MemoryService, grant: SessionGrant
) -> None:
    await use(service.container, a_use(grant))

    refreshed, used = service.audit[-2:]
    assert refreshed.type is AuditEventType.VA_TOKENS_REFRESHED
    assert refreshed.user_id == grant.session.user_id
    assert dict(refreshed.data) == {"generation": 2, "scope": some_tokens().scope}
    assert used.type is AuditEventType.VA_TOKEN_USED


@pytest.mark.case(81)
async def test_many_at_once_share_one_refresh(service: MemoryService, grant: SessionGrant) -> None:
    given = await asyncio.gather(*(use(service.container, a_use(grant)) for _ in range(32)))

    assert service.provider.refreshes == 1
    assert len({token.access_token for token in given}) == 1
    used = [event for event in service.audit if event.type is AuditEventType.VA_TOKEN_USED]
    assert len(used) == 32


@pytest.mark.case(81)
async def test_two_processes_share_one_refresh(service: MemoryService, grant: SessionGrant) -> None:
    other = another_process(service)

    given = await asyncio.gather(
        *(use(each.container, a_use(grant)) for each in (service, other) for _ in range(16))
    )

    assert service.provider.refreshes == 1
    assert len({token.access_token for token in given}) == 1


@pytest.mark.parametrize("rotating", [True, False])
async def test_refreshes_follow_each_other_whether_va_rotates_or_not(
    service: MemoryService,
    grant: SessionGrant,
    rotating: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    service.provider.is_rotating = rotating
    user_id = grant.session.user_id
    seen = {(await tokens_of(service, user_id)).refresh_token}
    for number in (2, 3, 4):
        await use(service.container, a_use(grant))
        seen.add((await tokens_of(service, user_id)).refresh_token)
        assert state_of(service, grant).generation.number == number
        service.store.committed.va_tokens[user_id] = replace(
            service.store.committed.va_tokens[user_id], expires_at=service.clock.now()
        )

    assert len(seen) == (4 if rotating else 1)


@pytest.mark.case(55)
async def test_a_refresh_token_left_out_keeps_the_old_one(
    service: MemoryService, grant: SessionGrant
) -> None:
    service.provider.is_rotating, service.provider.is_terse = False, True
    before = await tokens_of(service, grant.session.user_id)

    await use(service.container, a_use(grant))

    after = await tokens_of(service, grant.session.user_id)
    assert after.refresh_token == before.refresh_token
    assert after.access_token != before.access_token


@pytest.mark.case(54)
async def test_a_scope_that_a_refresh_reduces_is_stored_and_enforced(
    service: MemoryService, grant: SessionGrant
) -> None:
    service.provider.scope = "openid profile"

    await fail(service, grant, VAScopeNotGrantedError)

    assert (await tokens_of(service, grant.session.user_id)).scope == "openid profile"
    assert service.provider.refreshes == 1
    given = await use(service.container, a_use(grant, scopes=frozenset({"profile"})))
    assert given.scope == "openid profile"
    assert service.provider.refreshes == 1


async def test_without_a_refresh_token_a_new_sign_in_is_needed(service: MemoryService) -> None:
    grant = await an_expired_link(service, refresh=False)

    await fail(service, grant, VASignInNeededError)

    assert service.audit[-1].data["reason"] == "no_refresh_token"
    assert service.provider.refreshes == 0


async def test_tokens_whose_account_nobody_noted_are_not_refreshed(
    service: MemoryService, grant: SessionGrant
) -> None:
    states = service.store.committed.va_token_states
    states[grant.session.user_id] = replace(state_of(service, grant), account=None)

    await fail(service, grant, VASignInNeededError)

    assert service.audit[-1].data["reason"] == "account_unknown"
    assert service.provider.refreshes == 0


@pytest.mark.case(47)
async def test_invalid_grant_needs_a_new_sign_in_and_is_not_asked_again(
    service: MemoryService, grant: SessionGrant, identity: VAIdentity
) -> None:
    service.provider.refuse(GrantExpiredError())
    await fail(service, grant, VASignInNeededError)
    service.provider.come_back()

    for _ in range(3):
        await fail(service, grant, VASignInNeededError)

    assert service.provider.refreshes == 1
    (refused,) = [e for e in service.audit if e.type is AuditEventType.VA_REFRESH_REFUSED]
    assert refused.user_id == grant.session.user_id
    assert refused.data == {"generation": 1, "reason": "invalid_grant"}
    assert service.audit[-1].data["reason"] == "sign_in_needed"
    assert state_of(service, grant).needs_sign_in_at == service.clock.now()
    again = await an_expired_link(service, identity)
    await use(service.container, a_use(again))
    assert service.provider.refreshes == 2


@pytest.mark.case(56)
async def test_an_answer_that_is_lost_after_va_rotated_ends_in_one_new_sign_in(
    service: MemoryService, grant: SessionGrant
) -> None:
    service.provider.loses_answers = True
    await fail(service, grant, ProviderUnavailableError)
    service.provider.loses_answers = False
    service.clock.advance(timedelta(minutes=1))

    for _ in range(3):
        await fail(service, grant, VASignInNeededError)

    assert service.provider.refreshes == 2
    assert refusals(service) == ["provider_unavailable", "invalid_grant"]


@pytest.mark.case(48)
@pytest.mark.parametrize("reason", ["invalid_client", "unauthorized_client"])
async def test_a_client_that_va_does_not_take_is_an_alarm_and_no_fault_of_the_link(
    service: MemoryService, grant: SessionGrant, reason: str
) -> None:
    service.provider.refuse(ClientRejectedByProviderError(reason))
    with captured_log() as log:
        await fail(service, grant, ProviderUnavailableError)
    (alarm,) = [json.loads(line) for line in log.getvalue().splitlines()]
    assert alarm["level"] == "error"
    assert (alarm["event"], alarm["reason"]) == ("va_refresh_refused", reason)
    assert refusals(service) == [reason]
    assert state_of(service, grant).needs_sign_in_at is None

    service.provider.come_back()
    service.clock.advance(SECOND)
    await use(service.container, a_use(grant))


@pytest.mark.case(51)
@pytest.mark.parametrize("reason", ["redirect", "token_answer_malformed", "invalid_request"])
async def test_any_other_refusal_is_tried_again_later_and_is_no_alarm(
    service: MemoryService, grant: SessionGrant, reason: str
) -> None:
    service.provider.refuse(UpstreamRejectedError(reason))
    with captured_log() as log:
        await fail(service, grant, ProviderUnavailableError)
    assert "error" not in log.getvalue()
    assert refusals(service) == [reason]

    service.provider.come_back()
    service.clock.advance(SECOND)
    await use(service.container, a_use(grant))


@pytest.mark.case(49)
async def test_while_va_wants_to_be_left_alone_no_call_goes_out(
    service: MemoryService, grant: SessionGrant
) -> None:
    asked_for = timedelta(seconds=40)
    service.provider.go_down(asked_for)
    refresh = MemoryIdentityProvider.refresh
    with patch.object(MemoryIdentityProvider, "refresh", autospec=True) as called:
        called.side_effect = refresh
        for passed in range(3):
            error = await fail(service, grant, ProviderUnavailableError)
            assert isinstance(error, ProviderUnavailableError)
            assert error.retry_after == asked_for - passed * SECOND
            service.clock.advance(SECOND)
        assert called.call_count == 1

        service.clock.advance(asked_for - 3 * SECOND)
        service.provider.come_back()
        await use(service.container, a_use(grant))
        assert called.call_count == 2
    assert state_of(service, grant).attempts == 0


@pytest.mark.case(49)
async def test_meanwhile_a_token_that_is_valid_at_all_is_given(
    service: MemoryService,
) -> None:
    left = timedelta(seconds=10)
    tokens = some_tokens(now=service.clock.now() - HOUR + left)
    grant = (await service.sign_in(a_provider_sign_in(tokens=tokens))).grant
    service.provider.go_down(timedelta(minutes=5))

    for _ in range(2):
        assert (await use(service.container, a_use(grant))).access_token == tokens.access_token
    assert refusals(service) == ["provider_unavailable"]
    service.clock.advance(left)
    await fail(service, grant, ProviderUnavailableError)
    assert service.audit[-1].data["reason"] == "provider_unavailable"
    assert refusals(service) == ["provider_unavailable"]


@pytest.mark.case(49)
async def test_the_pause_doubles_and_is_bounded_whatever_va_asks_for(
    service: MemoryService, grant: SessionGrant
) -> None:
    pauses = []
    for asked_for in (None, None, None, timedelta(), timedelta(days=400)):
        service.provider.go_down(asked_for)
        error = await fail(service, grant, ProviderUnavailableError)
        assert isinstance(error, ProviderUnavailableError)
        assert error.retry_after is not None
        pauses.append(error.retry_after.total_seconds())
        service.clock.advance(error.retry_after)
        # The session would end meanwhile.
        sessions = service.store.committed.sessions
        session = sessions[grant.session.id]
        sessions[grant.session.id] = replace(session, expires_at=service.clock.now() + HOUR)

    assert pauses == [1, 2, 4, 8, 3600]
    state = replace(state_of(service, grant), attempts=1000)
    assert state.pause(None) == timedelta(minutes=5)


@pytest.mark.case(58)
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"subject": "00u-of-another"}, "another_subject"),
        ({"icn": an_icn()}, "another_patient"),
    ],
)
async def test_tokens_of_somebody_else_are_revoked_and_the_link_needs_a_sign_in(
    service: MemoryService,
    grant: SessionGrant,
    identity: VAIdentity,
    change: dict[str, Any],
    reason: str,
) -> None:
    before = await tokens_of(service, grant.session.user_id)
    service.provider.mistake_everybody_for(replace(identity, **change))

    await fail(service, grant, VASignInNeededError)

    assert refusals(service) == [reason]
    assert await tokens_of(service, grant.session.user_id) == before
    (replacement,) = service.provider.refreshable
    await service.container.revoke_at_va().execute()
    assert service.provider.revoked == {replacement: True}
    await fail(service, grant, VASignInNeededError)
    assert service.provider.refreshes == 1


@pytest.mark.case(58)
async def test_when_va_left_the_refresh_token_out_the_old_one_is_revoked(
    service: MemoryService, grant: SessionGrant, identity: VAIdentity
) -> None:
    service.provider.is_rotating, service.provider.is_terse = False, True
    before = await tokens_of(service, grant.session.user_id)
    service.provider.mistake_everybody_for(replace(identity, subject="00u-of-another"))

    await fail(service, grant, VASignInNeededError)

    await service.container.revoke_at_va().execute()
    assert service.provider.revoked == {before.refresh_token: True}


async def test_tokens_of_another_provider_are_not_shown_to_this_one(
    service: MemoryService,
) -> None:
    grant = await an_expired_link(service, an_identity(issuer="https://another.example"))

    await fail(service, grant, VASignInNeededError)

    assert service.audit[-1].data["reason"] == "issuer_changed"
    assert service.provider.refreshes == 0
    # Nothing is marked: what an operator set wrong is right again once they have mended it.
    assert state_of(service, grant).needs_sign_in_at is None


@pytest.mark.case(56)
@pytest.mark.parametrize("reason", ["key_unknown", "token_type"])
async def test_a_newer_refresh_token_is_kept_where_nothing_else_can_be(
    service: MemoryService, grant: SessionGrant, reason: str
) -> None:
    before = await tokens_of(service, grant.session.user_id)
    keys = dict(service.store.committed.data_keys)
    service.provider.doubt = reason

    await fail(service, grant, ProviderUnavailableError)

    after = await tokens_of(service, grant.session.user_id)
    (newer,) = service.provider.refreshable
    assert after == replace(before, refresh_token=newer)
    assert service.store.committed.data_keys == keys
    assert not service.store.committed.va_revocations
    state = state_of(service, grant)
    assert (state.generation.number, state.attempts, state.lease_until) == (2, 1, None)
    assert refusals(service) == [reason]
    # Until then VA is left alone, and afterwards the link goes on.
    await fail(service, grant, ProviderUnavailableError)
    assert service.provider.refreshes == 1
    service.provider.doubt = None
    service.clock.advance(SECOND)
    given = await use(service.container, a_use(grant))
    assert given.access_token != before.access_token
    assert state_of(service, grant).attempts == 0


@pytest.mark.parametrize("doubt", [None, "key_unknown"])
async def test_what_replaces_tokens_older_than_data_keys_gets_a_key(doubt: str | None) -> None:
    store, master_keys = MemoryStore(), {"k1": secrets.token_bytes(32)}
    service = a_service_with(memory_storage(store), master_keys)
    grant = await an_expired_link(service)
    user_id = grant.session.user_id
    before, rows = await tokens_of(service, user_id), store.committed.va_tokens
    rows[user_id] = with_early_tokens(
        rows[user_id], before, fields=set(TokenField), master_keys=master_keys
    )
    del store.committed.data_keys[user_id]
    service.provider.doubt = doubt

    if doubt:
        await fail(service, grant, ProviderUnavailableError)
    else:
        await use(service.container, a_use(grant))

    (newer,) = service.provider.refreshable
    after = await tokens_of(service, user_id)
    assert after.refresh_token == newer
    assert (after == replace(before, refresh_token=newer)) is bool(doubt)
    assert store.committed.data_keys[user_id].user_id == user_id


@pytest.mark.case(84)
async def test_a_newer_refresh_token_that_nobody_wants_any_more_is_revoked(
    service: MemoryService, grant: SessionGrant, identity: VAIdentity
) -> None:
    service.provider.doubt = "key_unknown"
    with meanwhile(lambda: unlink(service, grant, identity)):
        await fail(service, grant, SessionEndedError)

    newer, *_ = service.provider.refreshable
    entries = service.store.committed.va_revocations.values()
    assert {entry.user_id for entry in entries} == {grant.session.user_id}
    await service.container.revoke_at_va().execute()
    assert newer in service.provider.revoked


@pytest.mark.case(84)
async def test_a_newer_refresh_token_of_an_earlier_sign_in_is_revoked(
    service: MemoryService, grant: SessionGrant, identity: VAIdentity
) -> None:
    service.provider.doubt = "key_unknown"

    async def happens() -> None:
        service.provider.doubt = None
        await sign_in_again(service, grant, identity)

    with meanwhile(happens):
        await use(service.container, a_use(grant))

    newer, *_ = service.provider.refreshable
    await service.container.revoke_at_va().execute()
    assert newer in service.provider.revoked


async def test_a_newer_refresh_token_that_cannot_be_sealed_is_revoked(
    service: MemoryService, grant: SessionGrant
) -> None:
    service.provider.doubt = "key_unknown"

    with captured_log(), meanwhile(lambda: spoil_the_key(service)):
        await fail(service, grant, VASignInNeededError)

    (newer,) = service.provider.refreshable
    await service.container.revoke_at_va().execute()
    assert newer in service.provider.revoked


async def test_a_late_newer_refresh_token_of_the_same_grant_is_not_revoked(
    service: MemoryService, grant: SessionGrant
) -> None:
    service.provider.is_rotating = False
    service.provider.doubt = "key_unknown"
    other = another_process(service)
    refresh = MemoryIdentityProvider.refresh

    async def another_process_goes_on() -> None:
        service.provider.doubt = None
        service.clock.advance(LEASE)
        with patch.object(MemoryIdentityProvider, "refresh", refresh):
            await use(other.container, a_use(grant))

    with meanwhile(another_process_goes_on):
        await use(service.container, a_use(grant))

    assert refusals(service) == ["key_unknown"]
    assert not service.store.committed.va_revocations


async def unlink(service: MemoryService, grant: SessionGrant, _identity: VAIdentity) -> None:
    command = UnlinkVAIdentityCommand(session=standing_of(grant.session), visitor=a_visitor())
    await service.container.unlink_va_identity().execute(command)


async def sign_in_again(service: MemoryService, _grant: SessionGrant, identity: VAIdentity) -> None:
    await service.sign_in(a_provider_sign_in(identity, some_tokens(now=service.clock.now())))


async def unlink_and_sign_in_again(
    service: MemoryService, grant: SessionGrant, identity: VAIdentity
) -> None:
    await unlink(service, grant, identity)
    await sign_in_again(service, grant, identity)


async def log_out(service: MemoryService, grant: SessionGrant, _identity: VAIdentity) -> None:
    command = RevokeSessionsCommand(
        user_id=grant.session.user_id,
        current=grant.session.id,
        which=grant.session.id,
        visitor=a_visitor(),
    )
    await service.container.revoke_sessions().execute(command)


async def spoil_the_key(service: MemoryService) -> None:
    keys = service.store.committed.data_keys
    for user_id, key in keys.items():
        keys[user_id] = replace(key, box=b"altered")


Act = Callable[[MemoryService, SessionGrant, VAIdentity], Awaitable[None]]


def meanwhile(act: Callable[[], Awaitable[None]]) -> Any:
    """While VA is being asked, ``act`` happens."""
    refresh = MemoryIdentityProvider.refresh

    async def slow(provider: MemoryIdentityProvider, token: Secret, **options: Any) -> VATokens:
        try:
            return await refresh(provider, token, **options)
        finally:
            await act()

    return patch.object(MemoryIdentityProvider, "refresh", slow)


@pytest.mark.case(84)
@pytest.mark.parametrize("act", [unlink, sign_in_again, unlink_and_sign_in_again])
async def test_what_ends_the_link_meanwhile_wins_and_the_late_tokens_are_revoked(
    service: MemoryService, grant: SessionGrant, identity: VAIdentity, act: Act
) -> None:
    after: list[VATokens | None] = []

    async def happens() -> None:
        await act(service, grant, identity)
        after.append(await service.stored_tokens(grant.session.user_id))

    with meanwhile(happens):
        if act is sign_in_again:
            given = await use(service.container, a_use(grant))
            assert after[0] is not None
            assert given.access_token == after[0].access_token
        else:
            await fail(service, grant, SessionEndedError)

    assert [await service.stored_tokens(grant.session.user_id)] == after
    assert refusals(service) == ["overtaken"]
    late, *newer = service.provider.refreshable
    await service.container.revoke_at_va().execute()
    assert late in service.provider.revoked
    assert not set(newer) & set(service.provider.revoked)


@pytest.mark.case(84)
async def test_a_log_out_meanwhile_wins_and_the_next_session_has_the_newer_tokens(
    service: MemoryService, grant: SessionGrant, identity: VAIdentity
) -> None:
    with meanwhile(lambda: log_out(service, grant, identity)):
        await fail(service, grant, SessionEndedError)

    assert state_of(service, grant).generation.number == 2
    assert refusals(service) == []


async def test_a_late_holder_of_a_lapsed_lease_writes_nothing_and_ends_no_grant(
    service: MemoryService, grant: SessionGrant
) -> None:
    service.provider.is_rotating = False
    given: list[Secret] = []
    other = another_process(service)
    refresh = MemoryIdentityProvider.refresh

    async def another_process_goes_on() -> None:
        service.clock.advance(LEASE)
        with patch.object(MemoryIdentityProvider, "refresh", refresh):
            given.append((await use(other.container, a_use(grant))).access_token)

    with meanwhile(another_process_goes_on):
        late = await use(service.container, a_use(grant))

    assert [late.access_token] == given
    assert refusals(service) == ["overtaken"]
    assert not service.store.committed.va_revocations
    assert state_of(service, grant).generation.number == 2


async def test_tokens_whose_lease_is_lost_at_the_last_moment_are_revoked(
    service: MemoryService, grant: SessionGrant
) -> None:
    before = await tokens_of(service, grant.session.user_id)
    with patch.object(MemoryVATokenRefreshes, "renew", return_value=False):
        await fail(service, grant, ProviderUnavailableError)

    assert refusals(service) == ["overtaken"]
    assert await tokens_of(service, grant.session.user_id) == before
    (late,) = service.provider.refreshable
    await service.container.revoke_at_va().execute()
    assert service.provider.revoked == {late: True}


async def test_whoever_waits_for_another_process_gives_up_in_time(
    service: MemoryService, grant: SessionGrant
) -> None:
    user_id = grant.session.user_id
    state = replace(state_of(service, grant), fence=1, lease_until=service.clock.now() + LEASE)
    service.store.committed.va_token_states[user_id] = state

    began = service.clock.now()
    error = await fail(service, grant, ProviderUnavailableError)

    # The pauses double from 20 to 250 milliseconds.
    assert service.clock.now() - began == timedelta(milliseconds=20 + 40 + 80 + 160 + 99 * 250)
    assert isinstance(error, ProviderUnavailableError)
    assert error.retry_after is not None
    assert timedelta() < error.retry_after < LEASE / 2
    assert service.provider.refreshes == 0
    # Should the other one have died, somebody goes on once its lease has lapsed.
    service.clock.advance(error.retry_after)
    await use(service.container, a_use(grant))
    assert service.provider.refreshes == 1


@pytest.mark.parametrize("case", ["unlinked", "refreshed", "put off"])
async def test_nobody_waits_for_a_refresh_that_is_not_under_way(
    service: MemoryService, grant: SessionGrant, case: str
) -> None:
    user_id, began = grant.session.user_id, service.clock.now()
    generation, tables = state_of(service, grant).generation, service.store.committed
    states = tables.va_token_states
    if case == "unlinked":
        del tables.va_tokens[user_id]
    elif case == "refreshed":
        newer = replace(generation, number=generation.number + 1)
        until = began + LEASE
        states[user_id] = replace(states[user_id], generation=newer, lease_until=until)
    else:
        states[user_id] = replace(states[user_id], retry_at=began + SECOND)

    assert await service.container.va_refresh_leases().take(user_id, generation) is None
    assert service.clock.now() == began


async def test_va_is_asked_with_no_unit_of_work_open(
    service: MemoryService, grant: SessionGrant
) -> None:
    async def nobody_holds_the_store() -> None:
        assert not service.store.turn.locked()

    with meanwhile(nobody_holds_the_store):
        await use(service.container, a_use(grant))


@pytest.mark.case(56)
async def test_an_outage_of_ours_after_vas_answer_is_sat_out(
    service: MemoryService, grant: SessionGrant
) -> None:
    commit, outages = MemoryUnitOfWork.commit, 3

    async def failing(work: MemoryUnitOfWork) -> None:
        nonlocal outages
        if service.provider.refreshes and outages:
            outages -= 1
            raise UnavailableError
        await commit(work)

    with patch.object(MemoryUnitOfWork, "commit", failing):
        await use(service.container, a_use(grant))

    assert service.provider.refreshes == 1
    assert state_of(service, grant).generation.number == 2


@pytest.mark.case(86)
async def test_a_commit_whose_acknowledgement_was_lost_is_found_to_be_done(
    service: MemoryService, grant: SessionGrant
) -> None:
    commit, lost = MemoryUnitOfWork.commit, 1

    async def silent(work: MemoryUnitOfWork) -> None:
        nonlocal lost
        await commit(work)
        if service.provider.refreshes and lost:
            lost -= 1
            raise UnavailableError

    with patch.object(MemoryUnitOfWork, "commit", silent):
        await use(service.container, a_use(grant))

    assert refusals(service) == []
    assert not service.store.committed.va_revocations
    refreshed = [e for e in service.audit if e.type is AuditEventType.VA_TOKENS_REFRESHED]
    assert len(refreshed) == 1


@contextmanager
def no_commit_after_a_refresh(service: MemoryService) -> Iterator[None]:
    """Our own store is down from the moment when VA has answered."""
    commit = MemoryUnitOfWork.commit

    async def failing(work: MemoryUnitOfWork) -> None:
        if service.provider.refreshes:
            raise UnavailableError
        await commit(work)

    with patch.object(MemoryUnitOfWork, "commit", failing):
        yield


async def test_an_outage_of_ours_that_lasts_is_no_endless_wait(
    service: MemoryService, grant: SessionGrant
) -> None:
    began = service.clock.now()
    with (
        no_commit_after_a_refresh(service),
        pytest.raises(UnavailableError),
    ):
        await use(service.container, a_use(grant))
    # The pauses double from half a second. Another one would outlast the lease.
    assert service.clock.now() - began == timedelta(seconds=0.5 + 1 + 2 + 4 + 8)


async def test_a_lease_that_ends_with_the_next_pause_is_not_used_after_it(
    service: MemoryService, grant: SessionGrant
) -> None:
    async def va_takes_its_time() -> None:
        service.clock.advance(LEASE - timedelta(seconds=0.5))

    began = service.clock.now()
    with (
        meanwhile(va_takes_its_time),
        no_commit_after_a_refresh(service),
        pytest.raises(UnavailableError),
    ):
        await use(service.container, a_use(grant))
    assert service.clock.now() - began == LEASE - timedelta(seconds=0.5)


async def test_what_va_gave_is_kept_when_the_caller_has_gone_meanwhile(
    service: MemoryService, grant: SessionGrant
) -> None:
    asked, answer = anyio.Event(), anyio.Event()

    async def happens() -> None:
        asked.set()
        await answer.wait()

    async with service.container.va_token_refresher():
        with meanwhile(happens):
            caller = asyncio.create_task(use(service.container, a_use(grant)))
            await asked.wait()
            caller.cancel()
            await asyncio.wait([caller])
            answer.set()
        # Leaving waits for it.

    assert caller.cancelled()
    assert state_of(service, grant).generation.number == 2


async def test_a_refresh_that_fails_when_its_callers_have_gone_is_no_error_of_the_loop(
    service: MemoryService, grant: SessionGrant
) -> None:
    asked, answer = anyio.Event(), anyio.Event()
    unheard: list[dict[str, Any]] = []

    async def fail_late(*_: Any, **__: Any) -> VATokens:
        asked.set()
        await answer.wait()
        raise RuntimeError

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: unheard.append(context))
    with patch.object(MemoryIdentityProvider, "refresh", fail_late):
        async with service.container.va_token_refresher():
            caller = asyncio.create_task(use(service.container, a_use(grant)))
            await asked.wait()
            caller.cancel()
            await asyncio.wait([caller])
            answer.set()
    del caller
    gc.collect()
    loop.set_exception_handler(None)
    assert unheard == []


async def test_a_flight_that_failed_does_not_stand_in_the_way_of_the_next(
    service: MemoryService, grant: SessionGrant
) -> None:
    with (
        patch.object(MemoryIdentityProvider, "refresh", side_effect=RuntimeError),
        pytest.raises(RuntimeError),
    ):
        await use(service.container, a_use(grant))
    service.clock.advance(LEASE)

    await use(service.container, a_use(grant))


@pytest.mark.case(92)
async def test_tokens_that_cannot_be_sealed_any_more_are_revoked_not_lost(
    service: MemoryService, grant: SessionGrant
) -> None:
    with captured_log() as log, meanwhile(lambda: spoil_the_key(service)):
        await fail(service, grant, VASignInNeededError)

    assert '"va_tokens_unreadable"' in log.getvalue()
    (late,) = service.provider.refreshable
    await service.container.revoke_at_va().execute()
    assert late in service.provider.revoked


async def test_a_refusal_of_a_link_that_went_meanwhile_marks_nothing(
    service: MemoryService, grant: SessionGrant, identity: VAIdentity
) -> None:
    refuse = GrantExpiredError()

    async def slow(*_: Any, **__: Any) -> VATokens:
        await unlink_and_sign_in_again(service, grant, identity)
        raise refuse

    with patch.object(MemoryIdentityProvider, "refresh", slow):
        await fail(service, grant, SessionEndedError)

    assert state_of(service, grant).needs_sign_in_at is None


@pytest.mark.case(81)
def test_a_refresh_ends_before_patience_does_and_patience_before_the_lease() -> None:
    assert REFRESH_DEADLINE < PATIENCE < LEASE
