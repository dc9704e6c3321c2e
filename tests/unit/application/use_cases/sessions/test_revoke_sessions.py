"""Signing out: here, elsewhere, everywhere."""

from datetime import timedelta

import pytest
from dependency_injector import providers

from adapters.memory.store import MemoryStore
from application.errors import NotFoundError, UnauthenticatedError, UnavailableError
from application.use_cases.sessions.revoke_sessions import (
    RevokeSessionsCommand,
    SessionsRevoked,
    Which,
)
from domain.audit_event import AuditEventType
from domain.identifiers import SessionId
from domain.revocation import Revocation, RevokedBy
from domain.secret import Secret
from domain.session import Session
from domain.session_grant import SessionGrant
from domain.visitor import Visitor
from tests.support.builders import (
    a_provider_sign_in,
    a_session_id,
    a_visitor,
    an_identity,
    some_tokens,
)
from tests.support.outages import down_storage
from tests.support.service import MemoryService, a_memory_service


async def revoke(
    service: MemoryService,
    current: Session,
    which: SessionId | Which | None = None,
    *,
    visitor: Visitor | None = None,
) -> SessionsRevoked:
    """Revoke as the holder of ``current``; that session itself, unless ``which`` says others."""
    command = RevokeSessionsCommand(
        user_id=current.user_id,
        current=current.id,
        which=which or current.id,
        visitor=visitor or a_visitor(),
    )
    return await service.container.revoke_sessions().execute(command)


async def sign_in_thrice(service: MemoryService) -> list[SessionGrant]:
    identity = an_identity()
    return [(await service.sign_in(identity)).grant for _ in range(3)]


async def is_valid(service: MemoryService, token: Secret) -> bool:
    try:
        await service.validate(token)
    except UnauthenticatedError:
        return False
    return True


def told(service: MemoryService) -> list[tuple[AuditEventType, dict[str, object]]]:
    """The trail since the last sign-in."""
    events = service.audit
    last = max(index for index, event in enumerate(events) if event.type is AuditEventType.LOGIN)
    return [(event.type, dict(event.data)) for event in events[last + 1 :]]


async def test_logging_out_ends_this_session_with_effect_on_the_next_request(
    service: MemoryService,
) -> None:
    here, *elsewhere = await sign_in_thrice(service)
    visitor = a_visitor()
    revoked = await revoke(service, here.session, visitor=visitor)

    assert revoked.session_ids == (here.session.id,)
    assert not await is_valid(service, here.token)
    assert [await is_valid(service, other.token) for other in elsewhere] == [True, True]
    assert told(service) == [(AuditEventType.LOGOUT, {"session_id": str(here.session.id)})]
    assert service.audit[-1].visitor == visitor.as_recorded()
    assert service.audit[-1].user_id == here.session.user_id
    assert service.store.committed.sessions[here.session.id].revocation == Revocation(
        at=service.clock.now(), by=RevokedBy.USER, reason="logout"
    )


@pytest.mark.case(76)
async def test_logging_out_everywhere_ends_every_session(service: MemoryService) -> None:
    grants = await sign_in_thrice(service)
    stranger = (await service.sign_in()).grant
    revoked = await revoke(service, grants[0].session, Which.ALL)

    assert set(revoked.session_ids) == {grant.session.id for grant in grants}
    assert [await is_valid(service, grant.token) for grant in grants] == [False] * 3
    assert await is_valid(service, stranger.token)
    assert told(service) == [(AuditEventType.LOGOUT_ALL, {"sessions": 3})]
    assert service.audit[-1].user_id == grants[0].session.user_id
    assert {service.store.committed.sessions[each].revocation for each in revoked.session_ids} == {
        Revocation(at=service.clock.now(), by=RevokedBy.USER, reason="logout_all")
    }


async def test_logging_out_elsewhere_spares_this_session(service: MemoryService) -> None:
    here, *elsewhere = await sign_in_thrice(service)
    revoked = await revoke(service, here.session, Which.ALL_BUT_CURRENT)

    assert set(revoked.session_ids) == {grant.session.id for grant in elsewhere}
    assert await is_valid(service, here.token)
    assert [await is_valid(service, other.token) for other in elsewhere] == [False, False]
    assert told(service) == [(AuditEventType.LOGOUT_OTHERS, {"sessions": 2})]


async def test_another_session_of_ones_own_can_be_ended(service: MemoryService) -> None:
    here, other, _ = await sign_in_thrice(service)
    revoked = await revoke(service, here.session, other.session.id)

    assert revoked.session_ids == (other.session.id,)
    assert await is_valid(service, here.token)
    assert not await is_valid(service, other.token)
    expected = {"session_id": str(other.session.id)}
    assert told(service) == [(AuditEventType.SESSION_REVOKED, expected)]


@pytest.mark.case(75)
async def test_ending_what_has_ended_changes_nothing(service: MemoryService) -> None:
    here, *_ = await sign_in_thrice(service)
    await revoke(service, here.session)
    before = service.store.committed.copy()
    service.clock.advance(timedelta(minutes=1))

    assert (await revoke(service, here.session)).session_ids == ()
    assert service.store.committed == before


async def test_ending_all_a_second_time_ends_none(service: MemoryService) -> None:
    here, *_ = await sign_in_thrice(service)
    await revoke(service, here.session, Which.ALL)
    sessions = dict(service.store.committed.sessions)

    assert (await revoke(service, here.session, Which.ALL)).session_ids == ()
    assert service.store.committed.sessions == sessions


@pytest.mark.case(74)
async def test_the_session_of_another_stays_and_the_attempt_is_audited(
    service: MemoryService,
) -> None:
    victim = (await service.sign_in()).grant
    mine = (await service.sign_in()).grant

    for session_id in (victim.session.id, a_session_id()):
        with pytest.raises(NotFoundError):
            await revoke(service, mine.session, session_id)
        assert service.audit[-1].user_id == mine.session.user_id
        assert told(service)[-1] == (
            AuditEventType.SESSION_REVOKE_REFUSED,
            {"session_id": str(session_id)},
        )
    assert await is_valid(service, victim.token)


async def test_an_expired_session_is_not_counted_as_ended_by_its_user(
    service: MemoryService,
) -> None:
    old, *_ = await sign_in_thrice(service)
    service.clock.set(old.session.expires_at)
    here = (await service.sign_in()).grant

    assert (await revoke(service, old.session, Which.ALL)).session_ids == ()
    assert await is_valid(service, here.token)


async def test_what_cannot_be_stored_is_not_acknowledged(service: MemoryService) -> None:
    here, *_ = await sign_in_thrice(service)
    broken = a_memory_service(MemoryStore(), down_storage())

    with pytest.raises(UnavailableError):
        await revoke(broken, here.session)


def revoking_at_va(service: MemoryService) -> MemoryService:
    """The same with VETASSIST_LOGOUT_ALL_REVOKES_AT_VA."""
    built = service.container.revoke_sessions
    assert isinstance(built, providers.Singleton)
    built.set_kwargs(**{**built.kwargs, "all_revokes_at_va": True})
    return service


async def test_logging_out_everywhere_leaves_vas_tokens_unless_it_is_set(
    service: MemoryService,
) -> None:
    grant = (await service.sign_in()).grant
    await revoke(service, grant.session, Which.ALL)

    assert await service.stored_tokens(grant.session.user_id) is not None
    assert service.store.committed.va_revocations == {}


async def test_logging_out_everywhere_revokes_at_va_too_where_it_is_set(
    service: MemoryService,
) -> None:
    revoking = revoking_at_va(service)
    identity, tokens = an_identity(), some_tokens()
    grant = (await revoking.sign_in(a_provider_sign_in(identity, tokens))).grant
    stranger = (await revoking.sign_in()).grant.session.user_id
    await revoke(revoking, grant.session, Which.ALL)

    stored = revoking.store.committed
    assert set(stored.va_tokens) == set(stored.data_keys) == {stranger}
    await revoking.container.revoke_at_va().execute()
    assert revoking.provider.revoked == {tokens.refresh_token: True}
    # It is no unlink: who is known by an account stays so.
    assert len(stored.aliases) == 2


@pytest.mark.parametrize("which", [None, Which.ALL_BUT_CURRENT])
async def test_logging_out_here_or_elsewhere_never_touches_vas_tokens(
    service: MemoryService, which: Which | None
) -> None:
    revoking = revoking_at_va(service)
    grant = (await revoking.sign_in()).grant
    await revoke(revoking, grant.session, which)

    assert await revoking.stored_tokens(grant.session.user_id) is not None
