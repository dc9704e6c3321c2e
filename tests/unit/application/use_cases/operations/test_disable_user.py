"""An operator disables a user, and enables them again."""

from collections.abc import Awaitable, Callable

import pytest

from adapters.memory.store import MemoryStore
from application.errors import (
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
)
from application.sign_in_errors import SignInFailedError
from application.use_cases.operations.disable_user import DisableUserCommand
from application.use_cases.operations.enable_user import EnableUserCommand
from domain.audit_event import AuditEventType
from domain.identifiers import UserId
from domain.revocation import Revocation, RevokedBy
from domain.sign_in_failure import SignInFailure
from domain.visitor import Visitor
from tests.support.builders import a_user_id, an_identity
from tests.support.outages import down_storage
from tests.support.service import MemoryService, a_memory_service

REASON = "lost_device"


async def disable(service: MemoryService, user_id: UserId, *, is_dry_run: bool = False) -> int:
    command = DisableUserCommand(user_id=user_id, reason=REASON, is_dry_run=is_dry_run)
    return await service.container.disable_user().execute(command)


async def enable(service: MemoryService, user_id: UserId) -> None:
    command = EnableUserCommand(user_id=user_id, reason=REASON)
    await service.container.enable_user().execute(command)


@pytest.mark.case(79)
async def test_disabling_ends_every_session_with_effect_on_the_next_request(
    service: MemoryService,
) -> None:
    identity = an_identity()
    grants = [(await service.sign_in(identity)).grant for _ in range(3)]
    stranger = (await service.sign_in()).grant
    user_id = grants[0].session.user_id

    assert await disable(service, user_id) == 3
    for grant in grants:
        with pytest.raises(UnauthenticatedError):
            await service.validate(grant.token)
        assert service.store.committed.sessions[grant.session.id].revocation == Revocation(
            at=service.clock.now(), by=RevokedBy.OPERATOR, reason=REASON
        )
    await service.validate(stranger.token)


@pytest.mark.case(79)
async def test_a_disabled_user_does_not_sign_in_until_enabled_again(
    service: MemoryService,
) -> None:
    identity = an_identity()
    old = (await service.sign_in(identity)).grant
    user_id = old.session.user_id
    await disable(service, user_id)
    assert service.store.committed.users[user_id].is_active is False
    with pytest.raises(SignInFailedError) as failed:
        await service.sign_in(identity)
    assert failed.value.failure is SignInFailure.ACCOUNT_DISABLED

    await enable(service, user_id)
    new = (await service.sign_in(identity)).grant
    assert new.session.user_id == user_id
    await service.validate(new.token)
    # What was ended does not come back.
    with pytest.raises(UnauthenticatedError):
        await service.validate(old.token)


async def test_both_are_audited_with_the_operators_reason(service: MemoryService) -> None:
    user_id = (await service.sign_in()).grant.session.user_id
    await disable(service, user_id)
    await enable(service, user_id)

    told = [(event.type, event.user_id, event.visitor, event.data) for event in service.audit[-2:]]
    assert told == [
        (AuditEventType.USER_DISABLED, user_id, Visitor(), {"reason": REASON, "sessions": 1}),
        (AuditEventType.USER_ENABLED, user_id, Visitor(), {"reason": REASON, "sessions": 0}),
    ]


async def test_disabling_twice_ends_nothing_more(service: MemoryService) -> None:
    grant = (await service.sign_in()).grant
    user_id = grant.session.user_id
    await disable(service, user_id)
    sessions = dict(service.store.committed.sessions)

    assert await disable(service, user_id) == 0
    assert service.store.committed.sessions == sessions


async def test_a_dry_run_counts_and_neither_changes_nor_records_anything(
    service: MemoryService,
) -> None:
    user_id = (await service.sign_in()).grant.session.user_id
    before = service.store.committed.copy()

    assert await disable(service, user_id, is_dry_run=True) == 1
    with pytest.raises(NotFoundError):
        await disable(service, a_user_id(), is_dry_run=True)
    assert service.store.committed == before


@pytest.mark.parametrize(("act", "command"), [(enable, "user_enable"), (disable, "user_disable")])
async def test_an_unknown_user_is_not_created_and_the_attempt_is_audited(
    service: MemoryService, act: Callable[[MemoryService, UserId], Awaitable[object]], command: str
) -> None:
    await service.sign_in()
    before, nobody = service.store.committed.copy(), a_user_id()
    with pytest.raises(NotFoundError):
        await act(service, nobody)

    *_, attempt = service.audit
    assert (attempt.type, attempt.user_id) == (AuditEventType.COMMAND_REFUSED, nobody)
    assert attempt.data == {"command": command, "reason": "not_found"}
    service.store.committed.audit.remove(attempt)
    assert service.store.committed == before


@pytest.mark.parametrize("act", [enable, disable])
async def test_what_cannot_be_stored_is_not_acknowledged(
    act: Callable[[MemoryService, UserId], Awaitable[object]],
) -> None:
    with pytest.raises(UnavailableError):
        await act(a_memory_service(MemoryStore(), down_storage()), a_user_id())
