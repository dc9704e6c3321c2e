"""An operator lets a user in, or no longer."""

import pytest

from adapters.memory.store import MemoryStore
from application.errors import (
    NotFoundError,
    SignInFailedError,
    UnauthenticatedError,
    UnavailableError,
)
from application.use_cases.operations.set_user_active import SetUserActiveCommand
from domain.audit_event import AuditEventType
from domain.identifiers import UserId
from domain.revocation import Revocation, RevokedBy
from domain.sign_in_failure import SignInFailure
from domain.visitor import Visitor
from tests.support.builders import a_user_id, an_identity
from tests.support.outages import down_storage
from tests.support.service import MemoryService, a_memory_service

REASON = "lost_device"


async def set_active(service: MemoryService, user_id: UserId, *, is_active: bool) -> int:
    command = SetUserActiveCommand(user_id=user_id, is_active=is_active, reason=REASON)
    return await service.container.set_user_active().execute(command)


async def test_case_79_disabling_ends_every_session_with_effect_on_the_next_request(
    service: MemoryService,
) -> None:
    identity = an_identity()
    grants = [(await service.sign_in(identity)).grant for _ in range(3)]
    stranger = (await service.sign_in()).grant
    user_id = grants[0].session.user_id

    assert await set_active(service, user_id, is_active=False) == 3
    for grant in grants:
        with pytest.raises(UnauthenticatedError):
            await service.validate(grant.token)
        assert service.store.committed.sessions[grant.session.id].revocation == Revocation(
            at=service.clock.now(), by=RevokedBy.OPERATOR, reason=REASON
        )
    await service.validate(stranger.token)


async def test_case_79_a_disabled_user_does_not_sign_in_until_enabled_again(
    service: MemoryService,
) -> None:
    identity = an_identity()
    old = (await service.sign_in(identity)).grant
    user_id = old.session.user_id
    await set_active(service, user_id, is_active=False)
    with pytest.raises(SignInFailedError) as failed:
        await service.sign_in(identity)
    assert failed.value.failure is SignInFailure.ACCOUNT_DISABLED

    assert await set_active(service, user_id, is_active=True) == 0
    new = (await service.sign_in(identity)).grant
    assert new.session.user_id == user_id
    await service.validate(new.token)
    # What was ended does not come back.
    with pytest.raises(UnauthenticatedError):
        await service.validate(old.token)


async def test_both_are_audited_with_the_operators_reason(service: MemoryService) -> None:
    user_id = (await service.sign_in()).grant.session.user_id
    for is_active in (False, True):
        await set_active(service, user_id, is_active=is_active)

    told = [(event.type, event.user_id, event.visitor, event.data) for event in service.audit[-2:]]
    assert told == [
        (AuditEventType.USER_DISABLED, user_id, Visitor(), {"reason": REASON, "sessions": 1}),
        (AuditEventType.USER_ENABLED, user_id, Visitor(), {"reason": REASON, "sessions": 0}),
    ]


async def test_disabling_twice_ends_nothing_more(service: MemoryService) -> None:
    grant = (await service.sign_in()).grant
    user_id = grant.session.user_id
    await set_active(service, user_id, is_active=False)
    sessions = dict(service.store.committed.sessions)

    assert await set_active(service, user_id, is_active=False) == 0
    assert service.store.committed.sessions == sessions


@pytest.mark.parametrize("is_active", [True, False])
async def test_nobody_is_made_who_is_not_there_and_the_attempt_is_audited(
    service: MemoryService,
    is_active: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    await service.sign_in()
    before, nobody = service.store.committed.copy(), a_user_id()
    with pytest.raises(NotFoundError):
        await set_active(service, nobody, is_active=is_active)

    *_, attempt = service.audit
    assert (attempt.type, attempt.user_id) == (AuditEventType.COMMAND_REFUSED, nobody)
    command = "user_enable" if is_active else "user_disable"
    assert attempt.data == {"command": command, "reason": "not_found"}
    service.store.committed.audit.remove(attempt)
    assert service.store.committed == before


async def test_what_cannot_be_stored_is_not_acknowledged() -> None:
    with pytest.raises(UnavailableError):
        await set_active(
            a_memory_service(MemoryStore(), down_storage()), a_user_id(), is_active=False
        )
