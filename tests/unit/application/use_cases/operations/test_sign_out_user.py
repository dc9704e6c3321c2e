"""An operator ends every session of a user."""

import pytest

from application.errors import NotFoundError, UnauthenticatedError
from application.use_cases.operations.sign_out_user import SignOutUserCommand
from domain.audit_event import AuditEventType
from domain.identifiers import UserId
from domain.revocation import Revocation, RevokedBy
from domain.visitor import Visitor
from tests.support.builders import a_user_id, an_identity
from tests.support.service import MemoryService

REASON = "lost_device"


async def sign_out(service: MemoryService, user_id: UserId, *, is_dry_run: bool = False) -> int:
    command = SignOutUserCommand(user_id=user_id, reason=REASON, is_dry_run=is_dry_run)
    return await service.container.sign_out_user().execute(command)


async def test_every_session_of_the_user_ends_and_those_of_others_stand(
    service: MemoryService,
) -> None:
    identity = an_identity()
    grants = [(await service.sign_in(identity)).grant for _ in range(2)]
    stranger = (await service.sign_in()).grant
    user_id = grants[0].session.user_id

    assert await sign_out(service, user_id) == 2
    for grant in grants:
        with pytest.raises(UnauthenticatedError):
            await service.validate(grant.token)
        assert service.store.committed.sessions[grant.session.id].revocation == Revocation(
            at=service.clock.now(), by=RevokedBy.OPERATOR, reason=REASON
        )
    await service.validate(stranger.token)
    event = service.audit[-1]
    assert (event.type, event.user_id, event.visitor, event.data) == (
        AuditEventType.LOGOUT_BY_OPERATOR,
        user_id,
        Visitor(),
        {"reason": REASON, "sessions": 2},
    )


async def test_a_dry_run_counts_and_changes_nothing(service: MemoryService) -> None:
    grant = (await service.sign_in()).grant
    before = service.store.committed.copy()

    assert await sign_out(service, grant.session.user_id, is_dry_run=True) == 1
    assert service.store.committed == before
    await service.validate(grant.token)


@pytest.mark.parametrize("is_dry_run", [False, True])
async def test_an_unknown_user_is_refused_and_the_attempt_is_on_record(
    service: MemoryService, *, is_dry_run: bool
) -> None:
    nobody, events = a_user_id(), len(service.audit)
    with pytest.raises(NotFoundError):
        await sign_out(service, nobody, is_dry_run=is_dry_run)

    told = [
        (event.type, event.user_id, event.occurred_at, event.data)
        for event in service.audit[events:]
    ]
    attempt = {"command": "user_sign_out", "reason": "not_found"}
    refused = AuditEventType.COMMAND_REFUSED
    assert told == ([] if is_dry_run else [(refused, nobody, service.clock.now(), attempt)])
