"""An operator ends one session of a user."""

from datetime import timedelta

import pytest

from application.errors import NotFoundError, UnauthenticatedError
from application.use_cases.operations.end_session import EndSessionCommand
from domain.audit_event import AuditEventType
from domain.identifiers import SessionId, UserId
from domain.revocation import Revocation, RevokedBy
from domain.visitor import Visitor
from tests.support.builders import LIMITS, a_session_id, a_user_id, an_identity
from tests.support.service import MemoryService

REASON = "lost_phone"


async def end(
    service: MemoryService, user_id: UserId, session_id: SessionId, *, is_dry_run: bool = False
) -> bool:
    command = EndSessionCommand(
        user_id=user_id, session_id=session_id, reason=REASON, is_dry_run=is_dry_run
    )
    return await service.container.end_session().execute(command)


async def test_the_session_ends_at_once_and_the_others_stand(service: MemoryService) -> None:
    identity = an_identity()
    lost, kept = [(await service.sign_in(identity)).grant for _ in range(2)]

    assert await end(service, lost.session.user_id, lost.session.id)

    with pytest.raises(UnauthenticatedError):
        await service.validate(lost.token)
    await service.validate(kept.token)
    assert service.store.committed.sessions[lost.session.id].revocation == Revocation(
        at=service.clock.now(), by=RevokedBy.OPERATOR, reason=REASON
    )
    event = service.audit[-1]
    assert (event.type, event.user_id, event.visitor) == (
        AuditEventType.SESSION_ENDED_BY_OPERATOR,
        lost.session.user_id,
        Visitor(),
    )
    assert event.data == {"session_id": str(lost.session.id), "reason": REASON}


@pytest.mark.parametrize("how", ["ended", "expired"])
async def test_a_session_that_has_ended_stays_as_it_is_and_the_attempt_is_on_record(
    service: MemoryService, how: str
) -> None:
    session = (await service.sign_in()).grant.session
    if how == "ended":
        await end(service, session.user_id, session.id)
    else:
        service.clock.advance(LIMITS.idle + timedelta(minutes=1))
    sessions = dict(service.store.committed.sessions)

    assert not await end(service, session.user_id, session.id)

    assert service.store.committed.sessions == sessions
    event = service.audit[-1]
    assert (event.type, event.user_id) == (AuditEventType.COMMAND_REFUSED, session.user_id)
    assert event.data == {
        "command": "user_end_session",
        "reason": "already_ended",
        "session_id": str(session.id),
    }


@pytest.mark.parametrize("whose", ["nobody's", "another's", "a stranger's"])
async def test_a_session_that_the_user_does_not_have_is_refused_on_record(
    service: MemoryService, whose: str
) -> None:
    session = (await service.sign_in()).grant.session
    other = (await service.sign_in()).grant.session
    user_id = a_user_id() if whose == "a stranger's" else session.user_id
    session_id = other.id if whose == "another's" else a_session_id()
    sessions = dict(service.store.committed.sessions)
    with pytest.raises(NotFoundError):
        await end(service, user_id, session_id)

    assert service.store.committed.sessions == sessions
    event = service.audit[-1]
    assert (event.type, event.user_id) == (AuditEventType.COMMAND_REFUSED, user_id)
    assert event.data == {
        "command": "user_end_session",
        "reason": "not_found",
        "session_id": str(session_id),
    }


async def test_a_dry_run_says_what_would_happen_and_does_and_records_nothing(
    service: MemoryService,
) -> None:
    session = (await service.sign_in()).grant.session
    before = service.store.committed.copy()
    assert await end(service, session.user_id, session.id, is_dry_run=True)
    with pytest.raises(NotFoundError):
        await end(service, session.user_id, a_session_id(), is_dry_run=True)
    assert service.store.committed == before
